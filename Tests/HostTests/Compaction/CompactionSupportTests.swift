import Configuration
import PluginLoader
import Testing
import TierAPI

@testable import Host

@Suite struct CleanedOffsetsTests {
  private let one = PartitionIdentity(topic: "a", topicID: (0x1, 0xABCD), partition: 3)
  private let two = PartitionIdentity(topic: "b", topicID: (0xFFFF_FFFF_FFFF_FFFF, 0), partition: 0)

  @Test func offsetsSurviveAndDeletedTopicsAreForgotten() throws {
    let directory = try TemporaryDirectory()
    var problems: [String] = []
    var offsets = CleanedOffsets(directory: directory.path) { problems.append($0) }
    #expect(offsets.offset(one) == -1)
    try offsets.save(one, 17, live: [one, two])
    try offsets.save(two, 1 << 40, live: [one, two])
    var again = CleanedOffsets(directory: directory.path) { problems.append($0) }
    #expect(again.offset(one) == 17 && again.offset(two) == 1 << 40)
    try again.save(two, 5, live: [two])
    let last = CleanedOffsets(directory: directory.path) { problems.append($0) }
    #expect(last.offset(one) == -1 && last.offset(two) == 5)
    #expect(problems.isEmpty)
  }

  @Test(arguments: [
    "", "chronik cleaned offsets 2\n", "chronik cleaned offsets 1", "chronik cleaned offsets 1\n0 0 0\n",
    "chronik cleaned offsets 1\n00000000000000010000000000000002 0 -1\n",
    "chronik cleaned offsets 1\n00000000000000010000000000000002 0 1",
  ])
  func aDamagedFileIsReportedAndMeansThatNothingIsKnown(text: String) throws {
    #expect(CleanedOffsets.parse(text) == nil)
    let directory = try TemporaryDirectory()
    try AtomicFile.write(Array(text.utf8), to: "\(directory.path)/cleaned-offsets")
    var problems: [String] = []
    let offsets = CleanedOffsets(directory: directory.path) { problems.append($0) }
    #expect(problems.count == 1 && offsets.offset(one) == -1)
  }
}

@Suite struct CompactionPaceTests {
  @Test func bytesTakeAsLongAsTheirShareOfASecond() {
    var pace = CompactionPace(bytesPerSecond: 1_000_000)
    var now = ContinuousClock.now
    let begin = now
    for _ in 0..<50 {
      let pause = pace.pause(after: 100_000, now: now)
      now += pause
    }
    let seconds = begin.duration(to: now) / .seconds(1)
    // Five million bytes, less the credit of a tenth of a second.
    #expect(seconds >= 4.8 && seconds <= 5.0)
  }

  @Test func aRestGivesNoMoreThanATenthOfASecondOfCredit() {
    var pace = CompactionPace(bytesPerSecond: 1_000_000)
    let now = ContinuousClock.now
    _ = pace.pause(after: 1, now: now)
    #expect(pace.pause(after: 100_000, now: now + .seconds(100)) == .zero)
    #expect(pace.pause(after: 100_000, now: now + .seconds(100)) >= .milliseconds(90))
  }
}

@Suite struct CompactionRuleTests {
  @Test func aCompactedTopicIsNeverOffloaded() {
    func topic(_ policy: String) -> ResolvedTopicConfiguration {
      ResolvedTopicConfiguration(overrides: ["cleanup.policy": policy])
    }
    #expect(topic("delete").mayBeOffloaded)
    #expect(!topic("compact").mayBeOffloaded && !topic("compact,delete").mayBeOffloaded)
  }

  @Test func segmentsOfACompactedTopicEndWithinItsLargestLag() {
    let lag = ["segment.ms": "5000", "max.compaction.lag.ms": "3000"]
    let compacted = ResolvedTopicConfiguration(overrides: lag.merging(["cleanup.policy": "compact"]) { $1 })
    #expect(chronik_partition_settings(compacted).segment_ms == 3_000)
    #expect(chronik_partition_settings(ResolvedTopicConfiguration(overrides: lag)).segment_ms == 5_000)
  }
}
