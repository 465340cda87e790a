import Foundation
import Testing
import TierContract

@Suite struct HonestTierTests {
  @Test(arguments: ["MemoryBuffer", "LocalSegments", "ExampleTier"], [1, 2, 3] as [UInt64])
  func ourSwiftTiersKeepTheContract(library: String, seed: UInt64) {
    let report = Workshop.check(Workshop.products.appendingPathComponent("lib\(library).so").path, seed: seed)
    #expect(report.exitCode == 0, "\(report.text(usesColor: false))")
    #expect(report.results.count == ContractSuite.rules.count)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func theRingInCKeepsTheContract(seed: UInt64) throws {
    let library = try Workshop.build(
      "Examples/c-tier/ring_tier.c", name: "Ring", flags: ["-std=c11", "-pedantic"])
    let report = Workshop.check(library, seed: seed)
    #expect(report.exitCode == 0, "\(report.text(usesColor: false))")
  }

  @Test func aSettingOutsideItsBoundsMakesTheRunUnusable() {
    let library = Workshop.products.appendingPathComponent("libMemoryBuffer.so").path
    let report = Workshop.check(library, settings: [("capacity", "1KiB")])
    #expect(report.unusable?.contains("capacity: \"1KiB\" is not a size") == true, "\(report.unusable ?? "usable")")
    #expect(Workshop.check(library, settings: [("size", "1")]).unusable?.contains("capacity") == true)
    #expect(Workshop.check(library, rules: ["create.defaults"], settings: [("capacity", "1MiB")]).exitCode == 0)
  }

  @Test func aFileThatIsNotALibraryIsUnusable() throws {
    let report = Workshop.check("/no/such/library.so")
    #expect(report.exitCode == 2)
    #expect(report.unusable == "/no/such/library.so: cannot be read: No such file or directory")
    #expect(Workshop.check("/dev/null").unusable == "/dev/null: cannot be read: it is not a regular file")
  }

  /// The dynamic linker maps what the headers promise and dies of SIGBUS where the file has no bytes.
  @Test(arguments: [0, 63, 64, 1_000, 4_096, 8_192]) func aLibraryThatWasCutShortIsRefusedBeforeItIsLoaded(
    byteCount: Int
  ) throws {
    let whole = try Workshop.build("Examples/c-tier/ring_tier.c", name: "Ring", flags: ["-std=c11"])
    let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
    try #require(byteCount < bytes.count)
    let short = whole + ".short-\(byteCount).so"
    try bytes.prefix(byteCount).write(to: URL(fileURLWithPath: short))
    let report = Workshop.check(short)
    #expect(report.exitCode == 2)
    #expect(report.unusable?.contains("crashed") == false, "\(report.unusable ?? "usable")")
    #expect(report.unusable?.hasPrefix(short) == true)
  }

  @Test func wrongWordsEndWithTheExitCodeOfWrongUsage() {
    let program = Workshop.products.appendingPathComponent("TierCheck").path
    #expect(ContractCommand.run(["--frob"], respawn: Respawn(executable: program, prefix: [])) == 64)
  }
}

@Suite struct ContractReportTests {
  private var report: ContractReport {
    var report = ContractReport(libraryPath: "./libA.so", seed: 9)
    report.product = "A"
    report.results = [
      RuleResult(id: "a.one", sentence: "One.", outcome: .passed),
      RuleResult(id: "a.three", sentence: "Three.", outcome: .failed("a \"quoted\" thing\nand a line")),
      RuleResult(id: "b", sentence: "B.", outcome: .notApplicable("the tier has no SEAL")),
    ]
    return report
  }

  @Test func theTextShowsEveryRuleAndWhatWasSeen() {
    #expect(
      report.text(usesColor: false) == """
        ./libA.so: A, seed 9
          ✓ a.one    One.
          ✗ a.three  Three.
              seen: a "quoted" thing
        and a line
          – b        the tier has no SEAL
        3 rules: 1 hold, 1 broken, 1 not applicable

        """)
    #expect(report.text(usesColor: true).contains("\u{1B}[31m✗\u{1B}[0m"))
  }

  @Test func theJSONIsJSON() throws {
    let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
    let results = try #require(object?["results"] as? [[String: Any]])
    #expect(object?["seed"] as? Int == 9 && object?["product"] as? String == "A")
    #expect(results.map { $0["outcome"] as? String } == ["passed", "failed", "not-applicable"])
    #expect(results[1]["detail"] as? String == "a \"quoted\" thing\nand a line")
    #expect(results[0]["detail"] is NSNull && object?["unusable"] is NSNull)
  }

  @Test(arguments: [
    (["--seed"], "--seed needs a value"), (["--seed", "x", "a"], "not a number"), ([], "which library?"),
    (["--rule", "no.such", "a"], "there is no rule"), (["a", "b"], "not understood"),
    (["--setting", "a", "b"], "not KEY=VALUE"), (["--frob", "a"], "not understood"),
  ])
  func wrongWordsAreExplained(words: [String], reason: String) {
    let error = #expect(throws: ContractOptions.UsageError.self) { try ContractOptions(parsing: words, randomSeed: 1) }
    #expect(error?.description.contains(reason) == true)
  }

  @Test func wordsAreUnderstood() throws {
    let options = try ContractOptions(
      parsing: ["libA.so", "--rule", "read", "--setting", "a=b=c", "--seed", "5", "--json", "--deadline", "2"],
      randomSeed: 1)
    #expect(options.libraryPath == "./libA.so" && options.seed == 5 && options.printsJSON)
    #expect(options.rules?.contains("read.miss") == true && options.rules?.contains("append.state") == false)
    #expect(options.settings.first?.1 == "b=c" && options.deadlineMilliseconds == 2_000)
  }

  @Test func ruleIdentifiersAreUniqueAndSentencesEndWithAFullStop() {
    let rules = ContractSuite.rules
    #expect(Set(rules.map(\.id)).count == rules.count)
    #expect(rules.allSatisfy { $0.sentence.hasSuffix(".") })
  }
}
