import Testing
import TierAPI
import TierKit

/// What object_store.h demands of every store.
@Suite struct ContractTests {
  @Test(arguments: StoreKind.available) func whatWasPutIsReadBackWholeAndInRanges(kind: StoreKind) throws {
    let open = try kind.make()
    let bytes = pattern(300_000)
    #expect(try open.store.put("topics/t-1/0/segment~1.kar", bytes))
    #expect(try open.store.get("topics/t-1/0/segment~1.kar") == bytes)
    let (reads, failure) = open.store.readRanges([
      ("topics/t-1/0/segment~1.kar", 0, 10), ("topics/t-1/0/segment~1.kar", 299_990, 100),
      ("topics/t-1/0/segment~1.kar", 131_000, 70_000), ("topics/t-1/0/segment~1.kar", 300_000, 5),
    ])
    #expect(failure == nil)
    #expect(
      reads.map(\.bytes) == [
        Array(bytes[..<10]), Array(bytes[299_990...]), Array(bytes[131_000..<201_000]), [],
      ])
    #expect(reads.allSatisfy { $0.objectByteCount == 300_000 && $0.status == CHRONIK_OK })
  }

  @Test(arguments: StoreKind.available) func anObjectOfManyPartsIsTheirConcatenation(kind: StoreKind) throws {
    let open = try kind.make()
    let pieces = [pattern(1, seed: 2), [], pattern(70_001, seed: 3), pattern(13, seed: 4)]
    let memory = pieces.map { piece in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, piece.count), alignment: 1)
      copy.copyBytes(from: piece)
      return UnsafeRawBufferPointer(rebasing: copy[..<piece.count])
    }
    #expect(try open.store.put("parts", memory, ifAbsent: true, StoreCall()))
    #expect(try open.store.get("parts") == pieces.flatMap { $0 })
  }

  @Test(arguments: StoreKind.available) func anEmptyObjectIsAnObject(kind: StoreKind) throws {
    let open = try kind.make()
    try open.store.put("a/empty", [])
    #expect(try open.store.head("a/empty", StoreCall())?.byteCount == 0)
    #expect(try open.store.get("a/empty") == [])
    #expect(try open.store.allKeys() == ["a/empty"])
  }

  @Test(arguments: StoreKind.available) func readsBeyondTheEndAndOfNothingHaveTheirOwnStatus(kind: StoreKind) throws {
    let open = try kind.make()
    try open.store.put("here", [1, 2, 3])
    let (reads, failure) = open.store.readRanges([("here", 4, 1), ("not/here", 0, 1), ("here", 1, 9)])
    #expect(reads.map(\.status) == [CHRONIK_PERMANENT, CHRONIK_NOT_FOUND, CHRONIK_OK])
    #expect(reads[2].bytes == [2, 3])
    #expect(failure?.code == .permanent)
  }

  @Test(arguments: StoreKind.available) func ifAbsentKeepsWhatIsThere(kind: StoreKind) throws {
    let open = try kind.make()
    #expect(try open.store.put("k/one", [1], ifAbsent: true))
    #expect(try !open.store.put("k/one", [2, 2], ifAbsent: true))
    #expect(try open.store.get("k/one") == [1])
    #expect(try open.store.put("k/one", [3, 3, 3]))
    #expect(try open.store.get("k/one") == [3, 3, 3])
  }

  @Test(arguments: StoreKind.available) func thirtyTwoCreatorsOfOneKeyHaveOneWinner(kind: StoreKind) throws {
    let open = try kind.make()
    let store = open.store
    let outcomes = onThreads(32) { index -> Bool? in
      do { return try store.put("race/key", pattern(5_000, seed: UInt64(index) + 1), ifAbsent: true) } catch {
        return nil
      }
    }
    #expect(!outcomes.contains(nil))
    #expect(outcomes.filter { $0 == true }.count == 1)
    let winner = try #require(outcomes.firstIndex(of: true))
    #expect(try store.get("race/key") == pattern(5_000, seed: UInt64(winner) + 1))
  }

  @Test(arguments: StoreKind.available) func headTellsSizeOrAbsence(kind: StoreKind) throws {
    let open = try kind.make()
    try open.store.put("d/x", pattern(777))
    let info = try #require(try open.store.head("d/x", StoreCall()))
    #expect(info.byteCount == 777 && info.key == "d/x" && info.etag.count <= 64)
    #expect(try open.store.head("d/y", StoreCall()) == nil)
    #expect(try open.store.head("d", StoreCall()) == nil)
    #expect(try open.store.head("d/x/y", StoreCall()) == nil)
  }

  /// '-' and '.' sort before '/', '0' behind it: the order of names in directories is another one than that of keys.
  @Test(arguments: StoreKind.available) func listingsAreInTheOrderOfTheKeysBytes(kind: StoreKind) throws {
    let open = try kind.make()
    let keys = ["a-b", "a.b", "a/a", "a/b-c", "a/b/c", "a/b0", "a0", "a~", "b/~/x", "b/A", "b/a", "b_"]
    for key in keys.reversed() { try open.store.put(key, [1]) }
    let expected = ["a-b", "a.b", "a/a", "a/b-c", "a/b/c", "a/b0", "a0", "a~", "b/A", "b/a", "b/~/x", "b_"]
    #expect(try open.store.allKeys() == expected)
    #expect(try open.store.allKeys(page: 1) == expected)
    #expect(try open.store.allKeys("a") == Array(expected[..<8]))
    #expect(try open.store.allKeys("a/") == ["a/a", "a/b-c", "a/b/c", "a/b0"])
    #expect(try open.store.allKeys("a/b") == ["a/b-c", "a/b/c", "a/b0"])
    #expect(try open.store.allKeys("nothing/here/") == [])
    func after(_ start: String, _ prefix: String = "", _ limit: Int = 100) throws -> [String] {
      try open.store.list(prefix: prefix, startAfter: start, limit: limit, StoreCall()).objects.map(\.key)
    }
    #expect(try after("a/b") == Array(expected[3...]))
    #expect(try after("a/b~", "a/") == [])
    #expect(try after("a/b-c", "a/b", 1) == ["a/b/c"])
    #expect(try after("Z", "a", 2) == ["a-b", "a.b"])
    let page = try open.store.list(prefix: "", startAfter: "", limit: 12, StoreCall())
    #expect(!page.hasMore)
    #expect(try open.store.list(prefix: "", startAfter: "", limit: 11, StoreCall()).hasMore)
  }

  @Test(arguments: StoreKind.available) func removedObjectsAreGoneAndMissingOnesCountAsRemoved(kind: StoreKind) throws {
    let open = try kind.make()
    for key in ["r/a", "r/b/c", "r/b/d", "s"] { try open.store.put(key, [7]) }
    try open.store.remove(["r/a", "r/b/c", "never", "r/never", "s/never"], StoreCall())
    #expect(try open.store.allKeys() == ["r/b/d", "s"])
    try open.store.remove(["r/b/d"], StoreCall())
    try open.store.remove(["r/b/d"], StoreCall())
    try open.store.remove([], StoreCall())
    #expect(try open.store.allKeys() == ["s"])
  }

  @Test(arguments: StoreKind.available) func illegalKeysAreRefused(kind: StoreKind) throws {
    let open = try kind.make()
    let keys = [
      "", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a b", "a\\b", "a\u{0}b", "ä", "#incoming/x",
      String(repeating: "k", count: 1025),
    ]
    for key in keys {
      #expect(failureCode { try open.store.put(key, [1]) } == .permanent, "\(key)")
      #expect(failureCode { _ = try open.store.head(key, StoreCall()) } == .permanent, "\(key)")
      #expect(failureCode { try open.store.remove([key], StoreCall()) } == .permanent, "\(key)")
    }
    #expect(failureCode { _ = try open.store.allKeys("../") } == .permanent)
    #expect(failureCode { _ = try open.store.allKeys("/etc") } == .permanent)
    #expect(try open.store.allKeys() == [])
  }
}
