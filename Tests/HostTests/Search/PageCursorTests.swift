import KafkaProtocol
import Testing

@testable import Host

@Suite("Where a page of a search ended")
struct PageCursorTests {
  private let topic = KafkaUUID(high: 1, low: 2)
  private let cursor = PageCursor(since: 1_700_000_000_000, until: .max, place: [9, 8, 7])

  private var query: SearchQuery {
    var query = SearchQuery(topic: "orders", text: "timeout", since: 1_700_000_000_000, partitions: [3, 1])
    query.sinceText = "15m"
    return query
  }

  @Test("the next page of a search for times ago goes by the first page's times")
  func timesAgo() throws {
    let bytes = cursor.bytes(of: query, in: topic)
    var later = query
    later.since += 5000
    later.limit = 7
    later.maxValueBytes = 1
    #expect(try PageCursor(bytes, of: later, in: topic) == cursor)
  }

  @Test("a cursor of another search is refused")
  func others() {
    let changes: [(inout SearchQuery) -> Void] = [
      { $0.text = "timeou" }, { $0.key = [] }, { $0.key = Array("timeout".utf8) }, { $0.sinceText = "16m" },
      { $0.sinceText = nil }, { $0.untilText = "15m" }, { $0.partitions = [1] }, { $0.partitions = nil },
      { $0.partitions = [1, 2, 3] }, { $0.offsetFrom = 1 }, { $0.offsetTo = 5 }, { $0.order = .relevance },
    ]
    let bytes = cursor.bytes(of: query, in: topic)
    for (number, change) in changes.enumerated() {
      var other = query
      change(&other)
      #expect(throws: SearchRefusal.self, "change \(number)") { try PageCursor(bytes, of: other, in: topic) }
    }
    #expect(throws: SearchRefusal.self) { try PageCursor(bytes, of: query, in: KafkaUUID(high: 1, low: 3)) }
  }

  @Test("a cursor that lost or changed a bit is refused")
  func damaged() {
    let bytes = cursor.bytes(of: query, in: topic)
    for count in bytes.indices {
      #expect(throws: SearchRefusal.self) { try PageCursor(Array(bytes[..<count]), of: query, in: topic) }
    }
    for bit in 0..<8 * bytes.count {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: SearchRefusal.self, "bit \(bit)") { try PageCursor(flipped, of: query, in: topic) }
    }
  }
}
