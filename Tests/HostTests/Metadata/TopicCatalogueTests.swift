import Foundation
import KafkaProtocol
import Testing

@testable import Host

@Suite("The topic catalogue survives restarts and crashes")
struct TopicCatalogueTests {
  private let directory: String

  init() throws {
    directory = NSTemporaryDirectory() + "catalogue-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  private func record(_ name: String, _ id: String, partitions: Int32 = 3) -> TopicRecord {
    TopicRecord(name: name, id: id, partitions: partitions, config: ["retention.ms": "5"], deleting: false)
  }

  private var journal: URL { URL(fileURLWithPath: directory + "/topics.journal") }

  @Test("what was put is there after opening again; what was removed is not")
  func reopen() throws {
    var catalogue = try TopicCatalogue(directory: directory)
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ"))
    try catalogue.put(record("b", "AAAAAAAAAAAAAAAAAAAAAg"))
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ", partitions: 7))
    try catalogue.remove(id: "AAAAAAAAAAAAAAAAAAAAAg")
    catalogue.close()
    let again = try TopicCatalogue(directory: directory)
    #expect(again.topics == ["AAAAAAAAAAAAAAAAAAAAAQ": record("a", "AAAAAAAAAAAAAAAAAAAAAQ", partitions: 7)])
  }

  @Test("partitions of topics that are not being deleted are counted, also after opening again")
  func counted() throws {
    var catalogue = try TopicCatalogue(directory: directory)
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ"))
    try catalogue.put(record("b", "AAAAAAAAAAAAAAAAAAAAAg", partitions: 5))
    #expect(catalogue.livePartitionCount == 8)
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ", partitions: 7))
    #expect(catalogue.livePartitionCount == 12)
    var going = record("b", "AAAAAAAAAAAAAAAAAAAAAg", partitions: 5)
    going.deleting = true
    try catalogue.put(going)
    #expect(catalogue.livePartitionCount == 7)
    catalogue.close()
    var again = try TopicCatalogue(directory: directory)
    #expect(again.livePartitionCount == 7)
    try again.remove(id: "AAAAAAAAAAAAAAAAAAAAAg")
    #expect(again.livePartitionCount == 7)
  }

  @Test("a torn line that cannot be kept is told, and keeps nobody from starting")
  func tornAndNotKept() throws {
    var catalogue = try TopicCatalogue(directory: directory)
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ"))
    catalogue.close()
    try (try Data(contentsOf: journal) + Data("torn".utf8)).write(to: journal)
    // A directory in its place: nothing can be written there, as on a full disk.
    try FileManager.default.createDirectory(atPath: directory + "/topics.journal.cut", withIntermediateDirectories: false)
    let cut = try TopicCatalogue(directory: directory)
    #expect(cut.topics.values.map(\.name) == ["a"])
    #expect(cut.cutByteCount == 4)
    #expect(try #require(cut.cutNotKept).hasSuffix(": torn"))
  }

  @Test("a journal cut anywhere in its last line opens with everything before it")
  func torn() throws {
    var catalogue = try TopicCatalogue(directory: directory)
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ"))
    let first = try Data(contentsOf: journal).count
    try catalogue.put(record("b", "AAAAAAAAAAAAAAAAAAAAAg"))
    catalogue.close()
    let whole = try Data(contentsOf: journal)
    var lines = Data()
    for length in stride(from: first, to: whole.count, by: 9) {
      try whole.prefix(length).write(to: journal)
      var cut = try TopicCatalogue(directory: directory)
      #expect(cut.topics.values.map(\.name) == ["a"], "cut at \(length)")
      #expect(cut.cutByteCount == length - first)
      if length > first {
        let kept = try Data(contentsOf: URL(fileURLWithPath: directory + "/topics.journal.cut"))
        lines += whole[first..<length] + Data("\n".utf8)
        #expect(kept == lines, "what was cut is kept, behind what was cut before")
        #expect(cut.cutNotKept == nil)
      }
      try cut.put(record("c", "AAAAAAAAAAAAAAAAAAAAAw"))
      cut.close()
      let after = try TopicCatalogue(directory: directory)
      #expect(Set(after.topics.values.map(\.name)) == ["a", "c"], "cut at \(length)")
    }
  }

  @Test("a name has one live topic, the last: an older one whose creation failed counts as deleted, also after opening again")
  func superseded() throws {
    let (failed, later) = ("AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg")
    var catalogue = try TopicCatalogue(directory: directory)
    try catalogue.put(record("a", failed))
    try catalogue.put(record("a", later, partitions: 5))
    for round in 0..<2 {
      #expect(catalogue.topics[failed]?.deleting == true, "round \(round)")
      #expect(catalogue.topics[later] == record("a", later, partitions: 5), "round \(round)")
      #expect(catalogue.livePartitionCount == 5, "round \(round)")
      catalogue.close()
      catalogue = try TopicCatalogue(directory: directory)
    }
    try catalogue.put(record("a", later, partitions: 6))
    try catalogue.remove(id: failed)
    #expect(catalogue.topics == [later: record("a", later, partitions: 6)])
    #expect(catalogue.livePartitionCount == 6)
    catalogue.close()
    #expect(try TopicCatalogue(directory: directory).topics == [later: record("a", later, partitions: 6)])
  }

  @Test("damage before the last line is refused with its line, never skipped")
  func damaged() throws {
    var catalogue = try TopicCatalogue(directory: directory)
    try catalogue.put(record("a", "AAAAAAAAAAAAAAAAAAAAAQ"))
    try catalogue.put(record("b", "AAAAAAAAAAAAAAAAAAAAAg"))
    catalogue.close()
    var bytes = try Data(contentsOf: journal)
    bytes[20] ^= 1
    try bytes.write(to: journal)
    #expect(throws: TopicCatalogue.Failure.self) { try TopicCatalogue(directory: directory) }
    do {
      _ = try TopicCatalogue(directory: directory)
    } catch {
      #expect("\(error)".contains("topics.journal:1: the checksum does not match"))
    }
  }
}
