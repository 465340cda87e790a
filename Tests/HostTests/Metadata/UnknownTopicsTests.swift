import Foundation
import KafkaProtocol
import PluginLoader
import Testing

@testable import Host

@Suite("topics that the catalogue does not know")
struct UnknownTopicsTests {
  private func partition(_ topic: String, _ id: UInt64, _ number: Int32) -> PartitionIdentity {
    PartitionIdentity(topic: topic, topicID: (high: 0, low: id), partition: number)
  }

  @Test("are found by their ids, with their partitions in order, and sorted by name")
  func found() {
    let held = [
      partition("b", 2, 1), partition("a", 1, 0), partition("b", 2, 0), partition("a", 3, 5), partition("c", 4, 0),
    ]
    let unknown = UnknownTopic.among(held, known: [KafkaUUID(high: 0, low: 4), KafkaUUID(high: 0, low: 9)])
    #expect(unknown.map(\.name) == ["a", "a", "b"])
    #expect(unknown.map { $0.id.low } == [1, 3, 2])
    #expect(unknown.map { $0.partitions.map(\.partition) } == [[0], [5], [0, 1]])
    #expect(unknown[2].key == "b~AAAAAAAAAAAAAAAAAAAAAg", "as in the store")
    #expect(UnknownTopic.among(held, known: Set([1, 2, 3, 4].map { KafkaUUID(high: 0, low: $0) })).isEmpty)
  }

  @Test("a catalogue that is not there knows nothing and is not made")
  func noCatalogue() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("catalogue-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { do { try FileManager.default.removeItem(atPath: directory) } catch { print(error) } }
    #expect(try TopicCatalogue.knownIDs(in: directory).isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    var catalogue = try TopicCatalogue(directory: directory)
    let id = KafkaUUID(high: 5, low: 6)
    let record = TopicRecord(name: "t", id: "\(id)", partitions: 3, config: [:], deleting: true)
    try catalogue.put(record)
    catalogue.close()
    #expect(try TopicCatalogue.knownIDs(in: directory) == [id], "what is being deleted is known")
  }
}
