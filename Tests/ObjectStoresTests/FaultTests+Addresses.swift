import Foundation
import Testing
import TierKit

@testable import ObjectStores

/// What a bucket and a prefix look like in URLs, before a server that checks every signature.
extension FaultTests {
  private func exercise(_ settings: [String: String]) throws {
    let store = try SeaweedServer.running().store(TestHost(), settings)
    defer { store.stop() }
    try store.start(StoreCall())
    let bytes = pattern(70_000)
    #expect(try store.put("a/one~1.kar", bytes, ifAbsent: true))
    #expect(try !store.put("a/one~1.kar", bytes, ifAbsent: true))
    #expect(try store.put("b", [1]))
    #expect(try store.get("a/one~1.kar", 60_000, 20_000) == Array(bytes[60_000...]))
    #expect(try store.allKeys() == ["a/one~1.kar", "b"])
    #expect(try store.allKeys("a/", page: 1) == ["a/one~1.kar"])
    try store.remove(["a/one~1.kar", "b"], StoreCall())
    #expect(try store.allKeys() == [])
  }

  @Test func aBucketInTheHostNameIsSignedRight() throws {
    let port = try SeaweedServer.running().port
    try exercise(["endpoint": "http://\(SeaweedServer.domain):\(port)", "path_style": "false"])
  }

  @Test(arguments: [
    "with space/and more", "a+b=c&d", "plus%20percent%2F", "grüße/ሴ/🗄", "e\u{301} and \u{E9}", "it's (a) 'prefix'!*",
    "<tag>&amp;\u{301}", "semi;colon,at@~$", "?query#fragment", "100%",
  ]) func aPrefixOfAnyCharactersIsSignedRight(prefix: String) throws {
    try exercise(["prefix": "odd/\(UUID().uuidString)/\(prefix)"])
  }

  /// This server takes two slashes for one, as file systems do. The store finds out before an object is lost.
  @Test func aServiceThatChangesThePrefixIsFoundOutAtTheStart() throws {
    let store = try SeaweedServer.running().store(TestHost(), ["prefix": "odd/\(UUID().uuidString)//double"])
    defer { store.stop() }
    let error = try #require(failure { try store.start(StoreCall()) })
    #expect(error.code == .permanent, "\(error)")
  }

  @Test func partsUnderAnOddPrefixAreCompleted() throws {
    let store = try SeaweedServer.running().store(
      TestHost(),
      ["prefix": "odd/\(UUID().uuidString)/ü +&<", "multipart_threshold": "\(6 << 20)", "part_size": "\(5 << 20)"])
    defer { store.stop() }
    try store.start(StoreCall())
    let bytes = pattern(11 << 20, seed: 5)
    #expect(try store.put("big", bytes, ifAbsent: true))
    #expect(try store.get("big", 5 << 20, 1 << 20) == Array(bytes[(5 << 20)..<(6 << 20)]))
  }
}
