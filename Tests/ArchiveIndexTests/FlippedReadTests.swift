import KafkaRecords
import Testing
import TierKit

@testable import ArchiveIndexCore

/// No service gives a checksum for a part of an object. What a ranged read brings with a bit changed on its way is
/// found by the archive's own checksums: the answer is right, or an error, and what was kept of it does no harm later.
@Suite struct FlippedReadTests {
  private struct NothingElse: SearchSource {
    func read(_ scope: Int, _ request: ReadRequest) throws(TierError) -> SourceAnswer? { nil }
  }

  /// Everything a reader can ask: batches, an offset by time, records by key and by word.
  private enum Question: CaseIterable { case fetch, time, key, word, newest }

  private enum Reply: Equatable {
    case right(String)
    /// An error, or an answer that says that it is not complete.
    case refused
  }

  private final class Archive {
    let rig: Rig
    let partition: ArchivePartition
    static let count: Int64 = 120

    init() throws {
      rig = try Rig { $0.objectByteCount = 6_000 }
      partition = try rig.open()
      try partition.importSegment(Self.segment())
    }

    /// Records of words; each twentieth has a rare one.
    static func segment() -> [TestBatch] {
      (0..<count / 2).map { number in
        let offset = number * 2
        var builder = RecordBatchBuilder(baseOffset: offset, partitionLeaderEpoch: 3)
        for index in 0..<Int64(2) {
          let record = offset + index
          let value =
            "order \(record) of user\(record % 7) timeout after \(record * 7919) ms"
            + (record % 20 == 0 ? " rareword" : "") + " common text, again and again"
          builder.append(timestamp: 1_000 + record, key: Array("key-\(record % 30)".utf8), value: Array(value.utf8))
        }
        return TestBatch(
          bytes: builder.build(), baseOffset: offset, nextOffset: offset + 2, maxTimestamp: 1_001 + offset)
      }
    }

    /// As after a start with an empty disk.
    func forget() {
      for object in rig.tier.environment.index.current.entries {
        rig.tier.environment.footers.drop(object.name)
        rig.tier.environment.chunks.drop(object.name)
      }
      rig.tier.environment.frames.removeAll()
    }

    func ask(_ question: Question, _ number: Int64) -> Reply {
      do {
        switch question {
        case .fetch: return .right("\(try partition.answer(number % Self.count, max: 3_000))")
        case .time:
          return .right(
            "\(try partition.findTimestamp(1_000 + number % Self.count, in: 0..<Self.count, nonblocking: false))")
        case .key: return try search(SearchRequest(query: [], key: Array("key-\(number % 30)".utf8)))
        case .word: return try search(SearchRequest(query: Array("rareword timeout".utf8)))
        case .newest: return try search(SearchRequest(query: Array("user\(number % 7)".utf8)))
        }
      } catch {
        return .refused
      }
    }

    private func search(_ request: SearchRequest) throws -> Reply {
      let scope = SearchScope(partition: partition, offsets: 0..<Self.count)
      let found = try rig.tier.search(request, [scope], source: NothingElse())
      if found.reasonForPartial != nil { return .refused }
      return .right("\(found.hits)")
    }
  }

  @Test func oneFlippedBitOnTheWayIsReadAgainAndKeptNowhere() throws {
    let archive = try Archive()
    #expect(archive.rig.store.keys.count > 2)
    var met = 0
    for seed in UInt64(1)...400 {
      var random = SeededGenerator(seed)
      let question = Question.allCases.randomElement(using: &random)!
      let number = Int64.random(in: 0..<1_000, using: &random)
      archive.forget()
      let expected = archive.ask(question, number)
      #expect(expected != .refused)
      archive.forget()
      archive.rig.store.fail(
        .read, .flips(Int.random(in: 0..<200_000, using: &random)), skip: Int.random(in: 0..<5, using: &random))
      let damaged = archive.rig.host.counter("damaged_frames")
      #expect(archive.ask(question, number) == expected, "seed \(seed): \(question) \(number)")
      if archive.rig.host.counter("damaged_frames") > damaged { met += 1 }
      archive.rig.store.repair()
      archive.rig.store.resetCounts()
      #expect(archive.ask(question, number) == expected, "seed \(seed): \(question) \(number), again")
    }
    print("of 400 flipped bits \(met) were in a frame, a dictionary block or a posting list that was looked at")
    #expect(met > 50)
  }

  @Test func bitsFlippedInEveryReadFromSomeOnAreAnErrorAndNeverAnotherAnswer() throws {
    let archive = try Archive()
    var refused = 0
    for seed in UInt64(1)...400 {
      var random = SeededGenerator(seed)
      let question = Question.allCases.randomElement(using: &random)!
      let number = Int64.random(in: 0..<1_000, using: &random)
      archive.forget()
      let expected = archive.ask(question, number)
      archive.forget()
      archive.rig.store.fail(
        .read, .flips(Int.random(in: 0..<200_000, using: &random)), skip: Int.random(in: 0..<6, using: &random),
        count: .max)
      let reply = archive.ask(question, number)
      if reply == .refused { refused += 1 } else { #expect(reply == expected, "seed \(seed): \(question) \(number)") }
      archive.rig.store.repair()
      #expect(archive.ask(question, number) == expected, "seed \(seed): \(question) \(number), afterwards")
    }
    print("of 400 questions with a bit flipped in every read from some on \(refused) were refused")
    #expect(refused > 50)
  }
}
