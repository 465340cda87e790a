/// The rules about which tier may stand where. Every rule speaks of abilities, never of names.
///
/// The commit tier is the first durable appender; above it stand caches (append, not durable), below it tiers that
/// import finished segments and, last, tiers that only read. In a volatile chain the lowest appender takes the commit
/// tier's place.
struct TierOrder {
  let tiers: [ResolvedTier]
  let isVolatile: Bool
  let origins: ConfigurationOrigins

  /// Reports every broken rule and returns the index of the commit tier, or nil when there is none.
  func check(_ collector: inout DiagnosticCollector) -> Int? {
    if !tiers.contains(where: { has($0, .read) }) {
      report(
        "chain", ValueProblem("no tier of the chain can read", expected: "at least one tier with the ability read"),
        at: .key, &collector)
    }
    guard let commit = commitTier(&collector) else { return nil }
    for index in tiers.indices {
      let problem =
        if index < commit {
          aboveCommit(index, commit)
        } else if index == commit {
          atCommit(index)
        } else {
          belowCommit(index, commit)
        }
      if let problem { report("chain[\(index)].tier", problem, at: .value, &collector) }
    }
    warn(commit, &collector)
    return commit
  }

  private func commitTier(_ collector: inout DiagnosticCollector) -> Int? {
    if let durable = tiers.firstIndex(where: { has($0, [.append, .durable]) }) { return durable }
    guard let lowest = tiers.lastIndex(where: { has($0, .append) }) else {
      report(
        "chain",
        ValueProblem(
          "no tier of the chain takes new records", expected: "a tier with the abilities append and durable"),
        at: .key, &collector)
      return nil
    }
    guard isVolatile else {
      report(
        "chain",
        ValueProblem(
          "no tier of the chain keeps new records through a restart: \(list(tiers.filter { has($0, .append) })) "
            + "can append but is not durable",
          expected: "a tier with the abilities append and durable, or volatile: true to accept the loss"),
        at: .key, &collector)
      return nil
    }
    return lowest
  }

  private func aboveCommit(_ index: Int, _ commit: Int) -> ValueProblem? {
    let (tier, below) = (tiers[index].instanceName, tiers[commit].instanceName)
    if !has(tiers[index], .append) {
      let what = has(tiers[index], .import) ? "imports finished segments" : "only reads"
      return ValueProblem(
        "\(tier) \(what) and stands above \(below), which commits new records, so nothing would ever reach it",
        expected: "\(tier) below \(below)")
    }
    return readProblem(index, "is a cache that cannot read")
  }

  private func atCommit(_ index: Int) -> ValueProblem? {
    readProblem(index, "commits new records and cannot read them back")
  }

  private func belowCommit(_ index: Int, _ commit: Int) -> ValueProblem? {
    let (tier, above) = (tiers[index].instanceName, tiers[commit].instanceName)
    if has(tiers[index], .import) {
      guard tiers[commit..<index].contains(where: { has($0, .seal) }) else {
        return ValueProblem(
          "\(tier) imports finished segments, but no tier above it offers them",
          expected: "a tier with the ability seal between the commit tier and \(tier)")
      }
      return readProblem(index, "takes over segments and cannot read them back")
    }
    if has(tiers[index], [.append, .durable]) {
      return ValueProblem(
        "\(tier) is unreachable: \(above) already commits new records, and \(tier) does not import segments",
        expected: "one durable tier that appends")
    }
    if has(tiers[index], .append) {
      return ValueProblem(
        "\(tier) is a cache (it appends and is not durable) and stands below \(above), which commits new records, "
          + "so nothing would ever reach it",
        expected: "\(tier) above \(above)")
    }
    guard has(tiers[index], .read) else {
      return ValueProblem(
        "\(tier) has no place in a chain: its abilities are \(tiers[index].descriptor.abilities)",
        expected: "a tier that appends, imports or reads")
    }
    return nil
  }

  /// Nothing when no tier at all can read: that is one problem, not one per tier.
  private func readProblem(_ index: Int, _ what: String) -> ValueProblem? {
    guard !has(tiers[index], .read), tiers.contains(where: { has($0, .read) }) else { return nil }
    return ValueProblem("\(tiers[index].instanceName) \(what)", expected: "a tier with the ability read")
  }

  private func warn(_ commit: Int, _ collector: inout DiagnosticCollector) {
    if isVolatile, has(tiers[commit], .durable) {
      report(
        "volatile",
        ValueProblem(
          "volatile: true has no effect: \(tiers[commit].instanceName) is durable and commits every record",
          expected: "volatile: false"),
        at: .value, &collector, .warning)
    }
    guard let lastImporter = tiers.lastIndex(where: { has($0, .import) }) else { return }
    for index in tiers.indices where index > commit && index < lastImporter {
      guard !has(tiers[index], .import), !has(tiers[index], .append), has(tiers[index], .read) else { continue }
      let (tier, holder) = (tiers[index].instanceName, tiers[lastImporter].instanceName)
      report(
        "chain[\(index)].tier",
        ValueProblem(
          "\(tier) only reads and is asked before \(holder), which holds segments",
          expected: "\(tier) below \(holder)"),
        at: .value, &collector, .warning)
    }
  }

  private func has(_ tier: ResolvedTier, _ abilities: TierAbilities) -> Bool {
    tier.descriptor.abilities.isSuperset(of: abilities)
  }

  private func list(_ tiers: [ResolvedTier]) -> String { tiers.map(\.instanceName).joined(separator: ", ") }

  private func report(
    _ path: String, _ problem: ValueProblem, at part: ConfigurationOrigins.Part,
    _ collector: inout DiagnosticCollector, _ severity: ConfigurationDiagnostic.Severity = .error
  ) {
    collector.report(origins.diagnostic(path, problem, at: part, severity: severity))
  }
}
