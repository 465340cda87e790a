import Testing

@testable import ArchiveFormat

@Suite struct ObjectNameTests {
  private func name(
    _ offsets: ClosedRange<Int64>, epoch: Int32 = 0, generation: UInt8 = 0, time: Int64 = 1_700_000_000_000
  ) -> ObjectName {
    ObjectName(
      topic: "orders", topicID: Array(0...15), partition: 3, baseOffset: offsets.lowerBound,
      lastOffset: offsets.upperBound, maxTimestamp: time, leaderEpoch: epoch, generation: generation, hotByteCount: 7700
    )
  }

  @Test func theNameIsAsTheTextHasIt() {
    let path = "orders~AAECAwQFBgcICQoLDA0ODw/3/00000000000000000199-00000000000000000100-1700000000000-2-1-7700.kar"
    #expect(name(100...199, epoch: 2, generation: 1).path == path)
    #expect(ObjectName(path: path) == name(100...199, epoch: 2, generation: 1))
    #expect(name(0...1, time: -1).path.contains("-0000000000000-"))
    #expect(ObjectName(path: name(0...1, time: 99_999_999_999_999).path)?.maxTimestamp == 99_999_999_999_999)
  }

  /// A file's name has at most 255 bytes, Kafka's topics have up to 249.
  @Test("names of long topics fit into file systems, and tell the topic", arguments: [1, 231, 232, 233, 248, 249])
  func longTopics(length: Int) {
    var long = name(100...199)
    long.topic = String(String(repeating: "topic-", count: 50).prefix(length))
    let parts = long.path.split(separator: "/", omittingEmptySubsequences: false)
    #expect(parts.allSatisfy { (1...255).contains($0.utf8.count) })
    #expect(ObjectName(path: long.path) == long)
    var other = long
    other.topic += "x"
    #expect(!other.directory.hasPrefix(long.directory))
  }

  @Test(arguments: [
    "", "a/b/c",
    "orders~/x~AAECAwQFBgcICQoLDA0ODw/3/00000000000000000199-00000000000000000100-1700000000000-2-1-7700.kar",
    "orders~AAECAwQFBgcICQoLDA0ODw/3/x.kar",
    "orders~AAECAwQFBgcICQoLDA0ODw/3/0199-00000000000000000100-1700000000000-2-1-7700.kar",
    "orders~AAECAwQFBgcICQoLDA0ODw/03/00000000000000000199-00000000000000000100-1700000000000-2-1-7700.kar",
    "orders~AAECAwQFBgcICQoLDA0ODx/3/00000000000000000199-00000000000000000100-1700000000000-2-1-7700.kar",
    "orders~AAECAwQFBgcICQoLDA0ODw/3/00000000000000000199-00000000000000000200-1700000000000-2-1-7700.kar",
    "orders~AAECAwQFBgcICQoLDA0ODw/3/00000000000000000199-00000000000000000100-1700000000000-2-1-7700.kar.tmp",
    "~AAECAwQFBgcICQoLDA0ODw/3/00000000000000000199-00000000000000000100-1700000000000-2-1-7700.kar",
    "orders~AAECAwQFBgcICQoLDA0ODw/3/99999999999999999999-00000000000000000100-1700000000000-2-1-7700.kar",
  ])
  func otherNamesAreNotRead(path: String) { #expect(ObjectName(path: path) == nil) }

  @Test func aListingFromTheStartOfAnOffsetBeginsWithItsObject() {
    let names = [name(0...99), name(100...199), name(200...299)].map(\.path)
    for offset in Int64(0)...299 {
      let start = ObjectName.listingStart(directory: name(0...1).directory, offset: offset)
      #expect(names.first { $0 > start } == names[Int(offset / 100)], "\(offset)")
    }
  }

  @Test func aCoverKeepsOnlyWhatAddsOffsets() {
    let cover = ObjectCover([
      name(0...99), name(0...99, epoch: 1), name(100...149), name(150...199), name(100...199, generation: 1),
      name(190...250),
      name(300...310),
    ])
    #expect(cover.kept == [name(0...99, epoch: 1), name(100...199, generation: 1), name(190...250), name(300...310)])
    #expect(cover.superseded == [name(0...99), name(100...149), name(150...199)])
    #expect(cover.gaps == [251..<300])
    #expect(cover.object(for: 195)?.baseOffset == 100)
    #expect(cover.object(for: 230)?.baseOffset == 190)
    #expect(cover.object(for: 270)?.baseOffset == 300)
    #expect(cover.object(for: 311) == nil)
  }

  @Test func anyCoverReadsEveryOffsetThatAnObjectHas() {
    for seed in UInt64(1)...500 {
      var random = SeededGenerator(seed: seed)
      let names = (0..<1 + random.below(12)).map { _ in
        let base = Int64(random.below(60))
        return name(
          base...base + Int64(random.below(25)), epoch: Int32(random.below(3)), generation: UInt8(random.below(2)))
      }
      let cover = ObjectCover(names)
      #expect(cover.kept.count + cover.superseded.count == names.count)
      for offset in Int64(0)...90 where names.contains(where: { $0.offsets.contains(offset) }) {
        #expect(cover.object(for: offset)?.offsets.contains(offset) == true, "seed \(seed) offset \(offset)")
      }
    }
  }
}
