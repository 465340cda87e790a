import KafkaRecords
import Testing

@testable import ArchiveFormat

/// Rounds of reads that a search of one object takes when its footer is at hand.
@Suite struct RoundTests {
  /// 20 MB of log lines in batches of 16 KiB: common and rare words, fields, keys, headers, and phrases that hold for
  /// few of the records that have their words.
  private static let object: ArchivedObject = {
    var random = SeededGenerator(seed: 91)
    var segment: [UInt8] = []
    var offset: Int64 = 0
    var time: Int64 = 1_772_000_000_000
    let verbs = ["opened", "closed", "refused", "lost", "queued", "dropped"]
    while segment.count < 20 << 20 {
      var builder = RecordBatchBuilder(baseOffset: offset, partitionLeaderEpoch: 1)
      while builder.uncompressedByteCount < 16 << 10 {
        time += Int64(random.below(9))
        let level = ["INFO", "INFO", "WARN", "ERROR"][random.below(4)]
        var message = "connection \(verbs[random.below(6)]) by peer number\(random.below(3000))"
        // Both words of a phrase in many records, next to each other in few.
        message += random.below(2000) == 0 ? " disk full" : random.chance(3) ? " full of disk" : ""
        if random.below(400) == 0 { message += random.chance(5) ? " rare phrase here" : " phrase that is rare" }
        let filler = (0..<40).map { _ in "w\(random.below(5000))" }.joined(separator: " ")
        let value = "{\"ts\":\(time),\"level\":\"\(level)\",\"message\":\"\(message)\",\"rest\":\"\(filler)\"}"
        builder.append(
          timestamp: time, key: Array("order-\(random.below(20_000))".utf8), value: Array(value.utf8),
          headers: [RecordHeader("region", Array("eu-\(random.below(500))".utf8))])
      }
      offset += Int64(builder.recordCount)
      segment += builder.build()
    }
    return segment.withUnsafeBytes { bytes in
      do {
        return try ArchiveWriter(level: 1).write(ArchiveSegment(identity: TestSegment.identity, batches: [bytes]))
      } catch {
        preconditionFailure("\(error)")
      }
    }
  }()

  @Test(arguments: [
    "connection", "number17", "error connection", "connection -refused", "\"connection lost\"", "\"rare phrase\"",
    "\"disk full\"", "level:ERROR", "key:order-4711", "header.region:eu-77", "+number17 level:WARN", "zyxwvut",
    "\"full of disk\" -error", "key:order-4711 connection",
  ])
  func aSearchTakesAtMostThreeRounds(text: String) throws {
    let object = Self.object
    for order in [Query.Order.newest, .relevance] {
      var query = try Query(parsing: text)
      query.order = order
      let source = CountingRangeSource(MemoryRangeSource(object))
      let answer = try ObjectSearch(ArchiveReader(source: source, footer: object.footer), query: query).run()
      #expect(source.roundCount <= 3, "\(text), \(order): \(source.rangeCount) ranges, \(source.byteCount) bytes")
      #expect(answer.records.isEmpty == (text == "zyxwvut"), "\(text)")
    }
  }
}
