import Foundation
import Testing

@testable import Host

@Suite("The data directory knows whose it is")
struct DataDirectoryTests {
  private let path = NSTemporaryDirectory() + "data-\(UUID().uuidString)"

  private func properties(_ text: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/meta.properties"))
  }

  @Test("a meta.properties without cluster.id is refused with what to do, and not replaced", arguments: ["", "\0\0\0\0", "node.id=1\n"])
  func damaged(content: String) throws {
    try properties(content)
    do {
      _ = try DataDirectory(path: path, nodeID: 1, clusterID: nil)
      Issue.record("a new cluster id was made up")
    } catch {
      #expect("\(error)".contains("meta.properties: no cluster.id"))
    }
    #expect(try String(contentsOfFile: path + "/meta.properties", encoding: .utf8) == content)
  }

  @Test("a FIFO in the place of a file is refused and not waited for")
  func fifo() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for name in ["meta.properties", "topics.journal", "leader-epoch"] { #expect(mkfifo("\(path)/\(name)", 0o600) == 0) }
    #expect(throws: DataDirectory.Failure.self) { try DataDirectory(path: path, nodeID: 1, clusterID: nil) }
    #expect(throws: TopicCatalogue.Failure.self) { try TopicCatalogue(directory: path) }
    #expect(throws: DataDirectory.Failure.self) { try AtomicFile.read("\(path)/leader-epoch", byteCountMax: 64) }
  }

  @Test("an id from the configuration repairs it; without a file one is made and kept")
  func repaired() throws {
    try properties("")
    let repaired = try DataDirectory(path: path, nodeID: 1, clusterID: "orders")
    #expect(repaired.clusterID == "orders")
    repaired.unlock()
    #expect(try DataDirectory(path: path, nodeID: 1, clusterID: nil).clusterID == "orders")
    let fresh = try DataDirectory(path: path + "/fresh", nodeID: 1, clusterID: nil)
    fresh.unlock()
    #expect(try DataDirectory(path: path + "/fresh", nodeID: 1, clusterID: nil).clusterID == fresh.clusterID)
  }
}
