import TierAPI

/// One promise of the contract, and how to see whether a tier keeps it.
struct ContractRule: Sendable {
  /// Stable and short: "read.end-offset". The part before the dot is the group.
  let id: String
  /// The promise, as a sentence about the tier.
  let sentence: String
  /// Abilities without which the rule says nothing; `CHRONIK_TIER_…` bits.
  let needs: UInt64
  /// Abilities with which the rule says nothing.
  let excludes: UInt64
  /// Throws what was seen when the promise is broken.
  let check: @Sendable (RuleContext) throws(RuleEnd) -> Void

  init(
    _ id: String, _ sentence: String, needs: UInt64 = 0, excludes: UInt64 = 0,
    _ check: @escaping @Sendable (RuleContext) throws(RuleEnd) -> Void
  ) {
    self.id = id
    self.sentence = sentence
    self.needs = needs
    self.excludes = excludes
    self.check = check
  }

  /// Every rule, in the order in which they run: what others build on comes first.
  static let all: [ContractRule] =
    entryRules + appendRules + readRules + ownershipRules + windowRules + partitionRules + durableRules + segmentRules
    + rewriteRules + importRules + concurrencyRules + modelRules
}

/// Why a rule ended early.
enum RuleEnd: Error {
  /// What was seen instead of what the rule promises.
  case broken(String)
  /// Why the rule says nothing about this tier.
  case notApplicable(String)
}

/// Ends the rule unless `condition` holds; `seen` says what was observed.
func expect(_ condition: Bool, _ seen: @autoclosure () -> String) throws(RuleEnd) {
  if !condition { throw .broken(seen()) }
}

/// What a rule works with.
struct RuleContext: Sendable {
  let library: ContractLibrary
  /// Every key with a value, normalised.
  let settings: [(String, String)]
  let seed: UInt64
  /// Empty and this rule's own.
  let directory: String
  /// How to start this program again, for rules about other processes.
  let respawn: Respawn

  var abilities: UInt64 { library.descriptor.abilities }
  var isDurable: Bool { has(CHRONIK_TIER_DURABLE) }
  func has(_ ability: some BinaryInteger) -> Bool { abilities & UInt64(ability) != 0 }

  /// A running instance over `directory`, or over a directory of its own below it.
  func start(in subdirectory: String? = nil) throws(RuleEnd) -> ProbeTier {
    let path = subdirectory.map { "\(directory)/\($0)" } ?? directory
    makeDirectory(path)
    let tier = try ProbeTier(library, directory: isDurable ? path : "", settings: settings)
    try tier.start()
    return tier
  }

  func batches() -> BatchFactory { BatchFactory(seed: seed) }
}

/// The outcome of one rule.
public struct RuleResult: Sendable, Equatable {
  public enum Outcome: Sendable, Equatable {
    case passed
    /// What was seen.
    case failed(String)
    /// Why the rule says nothing about this tier.
    case notApplicable(String)
  }
  public var id: String
  public var sentence: String
  public var outcome: Outcome

  public init(id: String, sentence: String, outcome: Outcome) {
    self.id = id
    self.sentence = sentence
    self.outcome = outcome
  }
}
