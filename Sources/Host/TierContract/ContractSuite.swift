import PluginLoader

/// Runs the contract's rules against one product of a library, in this process: a plugin that crashes takes it along.
/// `ContractCommand` runs it in another process for that reason.
///
/// A cache is expected to hold what one rule appends to a partition, less than 1 MiB.
public struct ContractSuite: Sendable {
  /// Why a library cannot be checked at all.
  public struct Unusable: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  public let seed: UInt64
  private let library: ContractLibrary
  private let settings: [(String, String)]
  private let scratchDirectory: String
  private let respawn: Respawn

  /// `settings` are written as in YAML; `scratchDirectory` exists and is empty. Loads the library and creates nothing.
  public init(
    libraryPath: String, product: String? = nil, settings: [(String, String)] = [], seed: UInt64,
    scratchDirectory: String, respawn: Respawn
  ) throws(Unusable) {
    do throws(PluginError) {
      library = try ContractLibrary(path: libraryPath, product: product)
    } catch {
      throw Unusable(description: error.description)
    }
    do throws(SettingText.Failure) {
      self.settings = try SettingText.normalise(settings, for: library.descriptor)
    } catch {
      throw Unusable(description: "\(libraryPath): \(error)")
    }
    self.seed = seed
    self.scratchDirectory = scratchDirectory
    self.respawn = respawn
  }

  public var productName: String { library.descriptor.name }

  /// Every rule's id and sentence, in the order in which they run.
  public static var rules: [(id: String, sentence: String)] { ContractRule.all.map { ($0.id, $0.sentence) } }

  /// Runs the rules with these ids, or all; calls `begin` before and `end` after each.
  public func run(
    rules wanted: [String]? = nil, begin: (String) -> Void = { _ in }, end: (RuleResult) -> Void = { _ in }
  ) -> [RuleResult] {
    let chosen = ContractRule.all.filter { wanted?.contains($0.id) ?? true }
    return chosen.map { rule in
      begin(rule.id)
      let result = RuleResult(id: rule.id, sentence: rule.sentence, outcome: outcome(of: rule))
      end(result)
      return result
    }
  }

  private func outcome(of rule: ContractRule) -> RuleResult.Outcome {
    let abilities = library.descriptor.abilities
    guard rule.needs & ~abilities == 0 else {
      return .notApplicable("the tier has no \(abilityNames(rule.needs & ~abilities))")
    }
    guard rule.excludes & abilities == 0 else {
      return .notApplicable("the tier has \(abilityNames(rule.excludes & abilities))")
    }
    let directory = "\(scratchDirectory)/\(rule.id)"
    makeDirectory(directory)
    let context = RuleContext(
      library: library, settings: settings, seed: seed, directory: directory, respawn: respawn)
    do throws(RuleEnd) {
      try rule.check(context)
      return .passed
    } catch {
      switch error {
      case .broken(let seen): return .failed(seen)
      case .notApplicable(let reason): return .notApplicable(reason)
      }
    }
  }
}

/// "APPEND and SEAL".
func abilityNames(_ abilities: UInt64) -> String {
  let names = ["APPEND", "DURABLE", "SEAL", "IMPORT", "READ", "SEARCH", "REWRITE"]
  return names.enumerated().filter { abilities & (1 << UInt64($0.offset)) != 0 }.map(\.element).joined(
    separator: " and ")
}
