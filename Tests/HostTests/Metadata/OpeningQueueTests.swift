import Testing

@testable import Host

@Suite("Which partitions are opened next")
struct OpeningQueueTests {
  private typealias Queue = OpeningQueue<String>
  private struct Broken: Error {}

  private func record(_ name: String, _ partitions: Int32) -> TopicRecord {
    TopicRecord(name: name, id: name, partitions: partitions, config: [:], deleting: false)
  }

  /// One turn in which everything succeeds; what was opened and which topics are done.
  private func turn(_ queue: inout Queue, _ count: Int) -> (opened: [String], ended: [Queue.Ended]) {
    let places = queue.take(count)
    let opened = places.map { "\($0.record.name)\($0.number)" }
    return (opened, queue.put(zip(places, opened).map { ($0, .success($1)) }))
  }

  @Test("a small topic waits one turn behind a large one")
  func turns() {
    var queue = Queue()
    queue.add(record("l", 1000), 0..<1000)
    #expect(turn(&queue, 4).opened == ["l0", "l1", "l2", "l3"])
    queue.add(record("s", 2), 0..<2)
    #expect(turn(&queue, 4).opened == ["l4", "l5", "l6", "l7"])
    let (opened, ended) = turn(&queue, 4)
    #expect(opened == ["s0", "s1", "l8", "l9"])
    #expect(ended.map(\.opened) == [["s0", "s1"]] && ended[0].failure == nil)
    #expect(queue.contains("l") && !queue.contains("s"))
  }

  @Test("every partition is opened once, in order of number, whatever else is in the queue", arguments: 1...7)
  func complete(perTurn: Int) {
    var queue = Queue()
    queue.add(record("a", 9), 0..<9)
    queue.add(record("b", 8), 5..<8)
    queue.add(record("c", 1), 0..<1)
    var ended: [Queue.Ended] = []
    while !queue.isEmpty { ended += turn(&queue, perTurn).ended }
    #expect(Set(ended.map(\.record.name)) == ["a", "b", "c"] && ended.count == 3)
    for topic in ended {
      let numbers = topic.record.name == "b" ? 5..<8 : 0..<Int(topic.record.partitions)
      #expect(topic.opened == numbers.map { "\(topic.record.name)\($0)" })
    }
  }

  @Test("a failure ends its topic at once and hands over what was opened; others go on")
  func failure() {
    var queue = Queue()
    queue.add(record("a", 10), 0..<10)
    queue.add(record("b", 2), 0..<2)
    let places = queue.take(3)
    let ended = queue.put([(places[0], .success("a0")), (places[1], .failure(Broken())), (places[2], .success("a2"))])
    #expect(ended.map(\.opened) == [["a0", "a2"]] && ended[0].failure is Broken)
    #expect(!queue.contains("a"))
    #expect(turn(&queue, 3).ended.map(\.opened) == [["b0", "b1"]])
    #expect(queue.isEmpty)
  }

  @Test("a topic that is taken out hands over what was opened, and is not opened further")
  func cancelled() {
    var queue = Queue()
    queue.add(record("a", 10), 0..<10)
    _ = turn(&queue, 2)
    #expect(queue.cancel("a")?.opened == ["a0", "a1"])
    #expect(queue.cancel("a") == nil && queue.isEmpty && queue.take(5).isEmpty)
    queue.add(record("b", 3), 0..<3)
    _ = turn(&queue, 1)
    queue.add(record("c", 3), 0..<3)
    #expect(queue.cancelAll().map(\.opened) == [["b0"], []])
    #expect(queue.isEmpty)
  }
}
