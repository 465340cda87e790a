import Glibc

/// `plugins check`: the parent starts a child that loads the library and runs the rules, watches it, and starts another
/// for the rules that are left when a rule crashed or hung.
///
/// The child prints one line for each event on its standard output, texts escaped to one line:
///
///     product NAME
///     begin RULE
///     passed RULE | failed RULE WHAT-WAS-SEEN | n/a RULE WHY
///     unusable WHY
public enum ContractCommand {
  /// The whole command. `words` follow "plugins check"; `respawn` leads back here.
  public static func run(_ words: [String], respawn: Respawn) -> Int32 {
    let options: ContractOptions
    do throws(ContractOptions.UsageError) {
      options = try ContractOptions(parsing: words, randomSeed: UInt64.random(in: 1...999_999))
    } catch {
      write(2, "Error: \(error)\n\(ContractOptions.usage)\n")
      return ContractOptions.usageExitCode
    }
    switch options.role {
    case .child: return runChild(options, respawn: respawn)
    case .writer: return onPrivateOutput { KilledWriter.run(options, print: $0) }
    case .parent:
      let report = check(options, respawn: respawn)
      write(1, options.printsJSON ? report.json + "\n" : report.text(usesColor: usesColour))
      return report.exitCode
    }
  }

  /// A terminal, and NO_COLOR not set (no-color.org).
  private static var usesColour: Bool { isatty(1) == 1 && getenv("NO_COLOR") == nil }

  /// The child: runs the rules in this process and prints the lines above. Needs a scratch directory.
  public static func runChild(_ options: ContractOptions, respawn: Respawn) -> Int32 {
    onPrivateOutput { printLine in
      let suite: ContractSuite
      do throws(ContractSuite.Unusable) {
        suite = try ContractSuite(
          libraryPath: options.libraryPath, product: options.product, settings: options.settings, seed: options.seed,
          scratchDirectory: options.scratchDirectory ?? "", respawn: respawn)
      } catch {
        printLine("unusable \(escape(error.description))")
        return 2
      }
      printLine("product \(suite.productName)")
      let results = suite.run(
        rules: options.rules, begin: { printLine("begin \($0)") },
        end: { result in
          switch result.outcome {
          case .passed: printLine("passed \(result.id)")
          case .failed(let seen): printLine("failed \(result.id) \(escape(seen))")
          case .notApplicable(let reason): printLine("n/a \(result.id) \(escape(reason))")
          }
        })
      let failed = results.contains { if case .failed = $0.outcome { true } else { false } }
      return failed ? 1 : 0
    }
  }

  /// The parent: every rule's result, also of those that crash or hang.
  public static func check(_ options: ContractOptions, respawn: Respawn) -> ContractReport {
    let scratch = ScratchDirectory(options.scratchDirectory)
    defer { scratch.remove() }
    var run = SupervisedRun(options, respawn: respawn, scratch: scratch.path)
    run.superviseUntilDone()
    return run.report
  }

  /// Runs `body` with a line printer on the present standard output, which then leads nowhere for everybody else: what
  /// a plugin prints must not be taken for a result.
  private static func onPrivateOutput(_ body: ((String) -> Void) -> Int32) -> Int32 {
    let output = dup(1)
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    dup2(nowhere, 1)
    return body { write(output, $0 + "\n") }
  }

  private static func write(_ descriptor: Int32, _ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// The parent's state: which rules are left, and which one the child is at.
private struct SupervisedRun {
  private let options: ContractOptions
  private let respawn: Respawn
  private let scratch: String
  private var remaining: [ContractRule]
  private var current: ContractRule?
  private var attempt = 0
  private(set) var report: ContractReport

  init(_ options: ContractOptions, respawn: Respawn, scratch: String) {
    self.options = options
    self.respawn = respawn
    self.scratch = scratch
    remaining = ContractRule.all.filter { options.rules?.contains($0.id) ?? true }
    report = ContractReport(libraryPath: options.libraryPath, seed: options.seed)
  }

  mutating func superviseUntilDone() {
    while !remaining.isEmpty, report.unusable == nil {
      attempt += 1
      guard let child = ChildProcess(respawn, childArguments()) else {
        report.unusable = "\(respawn.executable) could not be started"
        return
      }
      current = nil
      supervise(child)
    }
  }

  private func childArguments() -> [String] {
    let directory = "\(scratch)/run-\(attempt)"
    makeDirectory(directory)
    var words = ["--in-process", options.libraryPath, "--seed", "\(options.seed)", "--scratch", directory]
    if let product = options.product { words += ["--product", product] }
    for (key, value) in options.settings { words += ["--setting", "\(key)=\(value)"] }
    for rule in remaining { words += ["--rule", rule.id] }
    return words
  }

  /// Until the child has ended: each line within the deadline.
  private mutating func supervise(_ child: ChildProcess) {
    while true {
      switch child.nextLine(milliseconds: options.deadlineMilliseconds) {
      case .text(let line): take(line)
      case .timedOut:
        child.kill()
        abandon("gave no answer within \(Double(options.deadlineMilliseconds) / 1000) seconds and was ended")
        return
      case .ended:
        if !remaining.isEmpty, report.unusable == nil { abandon(child.end?.text ?? "ended") }
        return
      }
    }
  }

  private mutating func take(_ line: String) {
    let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    switch words.first {
    case "product": report.product = words.dropFirst().joined(separator: " ")
    case "unusable": report.unusable = unescape(words.dropFirst().joined(separator: " "))
    case "begin": current = remaining.first { $0.id == words[1] }
    case "passed": finish(words[1], .passed)
    case "failed": finish(words[1], .failed(unescape(words.count > 2 ? words[2] : "")))
    case "n/a": finish(words[1], .notApplicable(unescape(words.count > 2 ? words[2] : "")))
    default: break
    }
  }

  private mutating func finish(_ id: String, _ outcome: RuleResult.Outcome) {
    guard let index = remaining.firstIndex(where: { $0.id == id }) else { return }
    let rule = remaining.remove(at: index)
    report.results.append(RuleResult(id: rule.id, sentence: rule.sentence, outcome: outcome))
    current = nil
  }

  /// The child is gone before it was done: its present rule takes the blame, the others get another child.
  private mutating func abandon(_ how: String) {
    if let current {
      finish(current.id, .failed("the plugin \(how)"))
    } else if report.product == nil {
      report.unusable = "\(options.libraryPath): while it was being loaded, the library \(how)"
    } else {
      finish(remaining[0].id, .failed("between two rules, the plugin \(how)"))
    }
  }
}
