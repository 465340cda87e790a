import Foundation
import Testing

@testable import Host

@Suite("Producer ids")
struct ProducerIDTests {
  private func take(_ ids: ProducerIDs) throws -> Int64 {
    if let id = ids.take() { return id }
    try ids.reserve()
    return try #require(ids.take())
  }

  @Test("an id is never given twice, however often the broker starts without having stopped")
  func unique() throws {
    let directory = try TemporaryDirectory()
    var seen: [Int64] = []
    for count in [3, 1, 2500, 0, 2] {
      let ids = try ProducerIDs(directory: directory.path)
      for _ in 0..<count { seen.append(try take(ids)) }
    }
    #expect(Set(seen).count == seen.count)
    #expect(seen.first == 0)
    #expect(seen == seen.sorted())
  }

  @Test("nothing is given out before its block is on disk")
  func reserved() throws {
    let directory = try TemporaryDirectory()
    let ids = try ProducerIDs(directory: directory.path)
    #expect(ids.take() == nil)
    try ids.reserve()
    let counter = try DurableCounter(path: directory.path + "/producer-ids", initial: 0)
    #expect(counter.value == ProducerIDs.blockSize)
  }

  @Test("a damaged file is refused, a lost one is made good from what the logs know")
  func damage() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/producer-ids"
    try Data("00000000 5000\n".utf8).write(to: URL(fileURLWithPath: file))
    #expect(throws: DataDirectory.Failure.self) { try ProducerIDs(directory: directory.path) }
    try FileManager.default.removeItem(atPath: file)
    let ids = try ProducerIDs(directory: directory.path)
    try ids.recover(above: 41)
    #expect(try take(ids) == 42)
    let later = try ProducerIDs(directory: directory.path)
    try later.recover(above: 9_000_000)
    #expect(try take(later) == 1042, "the file is there, so it is believed")
  }
}
