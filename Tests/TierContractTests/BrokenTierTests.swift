import Testing
import TierContract

/// A tier with one broken promise, and the rule that must notice.
struct BrokenTier: Sendable, CustomTestStringConvertible {
  var flags: [String]
  var rule: String
  /// Must occur in what the rule says it saw.
  var seen: String

  init(_ flags: String..., rule: String, seen: String) {
    self.flags = flags
    self.rule = rule
    self.seen = seen
  }
  var testDescription: String { "\(flags.joined(separator: " ")) → \(rule)" }
}

@Suite struct BrokenTierTests {
  static let tiers: [BrokenTier] = [
    BrokenTier("ANY_FACTORY", rule: "entry.constant", seen: "no-such-factory"),
    BrokenTier("ABILITIES", rule: "entry.descriptor", seen: "unknown bits"),
    BrokenTier("METRIC_NAME", rule: "create.defaults", seen: "metric name"),
    BrokenTier("ANY_CONFIG", rule: "create.invalid-config", seen: "returned OK"),
    BrokenTier("UNKNOWN_STATUS", rule: "create.invalid-config", seen: "unknown status 99"),
    BrokenTier("MESSAGE_UTF8", rule: "create.invalid-config", seen: "not UTF-8"),
    BrokenTier("LONG_MESSAGE", rule: "message.bounds", seen: "outside the message buffer"),
    BrokenTier("MESSAGE_LENGTH", rule: "message.bounds", seen: "message length of 60"),
    BrokenTier("ACCOUNTING", rule: "memory.accounted", seen: "4096 bytes"),
    BrokenTier("ANY_EXTENSION", rule: "extension.unknown", seen: "answered a pointer"),
    BrokenTier("DELETE_AGAIN", rule: "delete.again", seen: "NOT_FOUND"),
    BrokenTier("STATE", rule: "append.state", seen: "bytes"),
    BrokenTier("APPEND", "HALF_APPEND", rule: "append.all-or-nothing", seen: "after a refused append"),
    BrokenTier("APPEND", "REMEMBERS_POINTER", rule: "append.borrowed", seen: "not whole valid batches"),
    BrokenTier("APPEND", "KEEPS_CACHE_GAP", rule: "append.cache-gap", seen: "after a gap"),
    BrokenTier("APPEND", "BLOCKED_BUT_DONE", rule: "append.nonblocking", seen: "WOULD_BLOCK"),
    BrokenTier("APPEND", "LEAKS_RETAIN", rule: "slices.balanced", seen: "released 0 times"),
    BrokenTier("APPEND", "RELEASES_TWICE", rule: "slices.balanced", seen: "not whole valid batches"),
    BrokenTier("TRUNCATE", "TRUNCATES_NOTHING", rule: "truncate.then-append", seen: "after truncate"),
    BrokenTier("TRUNCATE", "REUSES_MEMORY", rule: "extents.outlive", seen: "changed after truncate"),
    BrokenTier("ADVANCE", rule: "advance-start.inside", seen: "start 5"),
    BrokenTier("READ", "HALF_BATCHES", rule: "append.round-trip", seen: "not whole valid batches"),
    BrokenTier("READ", "STARTS_EARLIER", rule: "read.containing-batch", seen: "does not contain it"),
    BrokenTier("READ", "IGNORES_END_OFFSET", rule: "read.end-offset", seen: "end_offset"),
    BrokenTier("READ", "IGNORES_MAX_BYTES", rule: "read.max-bytes", seen: "max_bytes"),
    BrokenTier("READ", "IGNORES_MIN_ONE", rule: "read.max-bytes", seen: "nothing was answered"),
    BrokenTier("READ", "IGNORES_CAPACITY", rule: "read.extent-capacity", seen: "of at most 1"),
    BrokenTier("READ", "NEVER_MISSES", rule: "read.miss", seen: "instead of MISS"),
    BrokenTier("READ", "WRONG_BYTE_COUNT", rule: "read.containing-batch", seen: "byte_count"),
    BrokenTier("READ", "WRONG_NEXT_OFFSET", rule: "read.containing-batch", seen: "next_offset"),
    BrokenTier("READ", "SHARED_BUFFER", rule: "extents.outlive", seen: "changed after"),
    BrokenTier("READ", "SHARED_BUFFER", rule: "concurrent.reads", seen: "read at"),
    BrokenTier("READ", "CRASHES", rule: "read.miss", seen: "crashed with SIGSEGV"),
    BrokenTier("READ", "EXITS", rule: "read.miss", seen: "exit code 0"),
    BrokenTier("SEAL", "APPEND", "FORGETS_APPENDS", rule: "concurrent.evict", seen: "evict"),
    BrokenTier("SEAL", "FORGETS_SEALS", rule: "concurrent.evict", seen: "segments sealed at"),
    BrokenTier("SEAL", "EVICTS_THE_ACTIVE_SEGMENT", rule: "concurrent.evict", seen: "state says start"),
    BrokenTier("NOT_DURABLE", rule: "append.gap", seen: "returned OK"),
    BrokenTier("NOT_DURABLE", rule: "durable.reopen", seen: "after reopening"),
    BrokenTier("NOT_DURABLE", rule: "durable.kill-flushed", seen: "killed process"),
    BrokenTier("NOT_DURABLE", rule: "durable.fenced", seen: "instead of FENCED"),
    BrokenTier("IGNORES_END_OFFSET", "READ", rule: "model.random", seen: "seed 7"),
  ]

  @Test(arguments: tiers) func theRuleThatStatesABrokenPromiseNotices(broken: BrokenTier) throws {
    let report = Workshop.check(try Workshop.broken(broken.flags), rules: [broken.rule])
    #expect(report.exitCode == 1)
    guard case .failed(let seen) = try #require(report.results.first).outcome else {
      Issue.record("not noticed: \(report.text(usesColor: false))")
      return
    }
    #expect(seen.contains(broken.seen), "\(seen)")
  }

  /// The double on which the rule of evicting beside others is tried keeps that rule when nothing is broken.
  @Test(arguments: [1, 2, 3] as [UInt64]) func segmentsOfTheDoubleKeepTheirRules(seed: UInt64) throws {
    let rules = ["segments.cover", "segments.from", "seal.empty", "evict.sealed", "concurrent.evict"]
    let report = Workshop.check(try Workshop.broken(["SEAL"]), rules: rules, seed: seed)
    #expect(report.exitCode == 0, "\(report.text(usesColor: false))")
    #expect(report.results.allSatisfy { $0.outcome == .passed })
  }

  @Test(arguments: [
    (["ABI_MAJOR"], "built for ABI 2.0, this host speaks 1.x"),
    (["NO_ENTRY"], "exports no chronik_plugin_entry"),
    (["MAGIC"], "wrong magic"),
    (["SHORT_TABLE"], "its tier table is 80 bytes"),
    (["MISSING_FUNCTION"], "its abilities demand functions that its table lacks: truncate"),
    (["BAD_DEFAULT"], "setting slots: \"many\" is not a number from 1 to 9"),
    (["CRASHES_WHILE_LOADING"], "while it was being loaded, the library crashed with SIGABRT"),
  ])
  func anUnusableLibraryIsRefusedWithThePreciseReason(flags: [String], reason: String) throws {
    let report = Workshop.check(try Workshop.broken(flags))
    #expect(report.exitCode == 2)
    #expect(report.unusable?.contains(reason) == true, "\(report.unusable ?? "usable")")
  }

  @Test func aHungTierIsEndedAtItsDeadlineAndTheOtherRulesGoOn() throws {
    let library = try Workshop.broken(["APPEND", "HANGS"])
    let report = Workshop.check(
      library, rules: ["append.state", "delete.again", "entry.constant"], deadline: 15_000)
    #expect(report.failures.map(\.id) == ["append.state"])
    #expect(report.failures.first?.outcome == .failed("the plugin gave no answer within 15.0 seconds and was ended"))
    #expect(report.results.count == 3)
  }

  @Test func aCrashIsBlamedOnItsRuleAndTheOthersStillRun() throws {
    let report = Workshop.check(try Workshop.broken(["READ", "CRASHES"]))
    let reading = report.failures.map(\.id)
    #expect(report.results.count == ContractSuite.rules.count)
    #expect(reading.contains("read.containing-batch") && reading.contains("concurrent.reads"))
    for id in ["entry.constant", "create.defaults", "append.state", "delete.again", "slices.balanced"] {
      #expect(reading.contains(id) == (id == "slices.balanced"), "\(id)")
    }
  }

  @Test func aBrokenPromiseIsNotBlamedOnOtherRules() throws {
    let report = Workshop.check(try Workshop.broken(["READ", "IGNORES_END_OFFSET"]))
    #expect(report.failures.map(\.id) == ["read.end-offset", "model.random"], "\(report.text(usesColor: false))")
  }
}
