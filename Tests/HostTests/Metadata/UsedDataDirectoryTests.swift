import Foundation
import Testing

@testable import Host

/// Commands for a stopped broker's data look at what is there; they never make a directory out of a typing error.
@Suite struct UsedDataDirectoryTests {
  @Test func aDirectoryThatNoBrokerHasUsedIsRefusedAndNothingIsMade() throws {
    let temporary = try TemporaryDirectory()
    let root = URL(fileURLWithPath: temporary.path).appendingPathComponent("data")
    #expect(throws: DataDirectory.Failure.self) { try DataDirectory.expectUsed(root.path) }
    #expect(!FileManager.default.fileExists(atPath: root.path))
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    let failure = #expect(throws: DataDirectory.Failure.self) { try DataDirectory.expectUsed(root.path) }
    #expect("\(try #require(failure))".hasPrefix("\(root.path): no broker has kept data here"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: root.path).isEmpty)
    try DataDirectory(path: root.path, nodeID: 1, clusterID: nil).unlock()
    try DataDirectory.expectUsed(root.path)
  }
}
