import Testing

@testable import ArchiveFormat

@Suite struct DirectoryTests {
  @Test func aDirectorySaysWhosePartitionItIs() throws {
    let place = try #require(ObjectName.place(ofDirectory: "orders~AAECAwQFBgcICQoLDA0ODw/3/"))
    #expect(place.topic == "orders" && place.topicID == Array(0..<16) && place.partition == 3)
    #expect(ObjectName.place(ofDirectory: "a~b~AAECAwQFBgcICQoLDA0ODw/0/")?.topic == "a~b")
  }

  @Test(arguments: [
    "", "/", "orders", "orders~AAECAwQFBgcICQoLDA0ODw/3", "orders~AAECAwQFBgcICQoLDA0ODw/03/",
    "orders~AAECAwQFBgcICQoLDA0ODw/-1/", "~AAECAwQFBgcICQoLDA0ODw/3/", "orders~AAECAwQFBgcICQoLDA0OD/3/",
    "orders~AAECAwQFBgcICQoLDA0ODx/3/", "orders~AAECAwQFBgcICQoLDA0ODw/3/4/", "root/orders~AAECAwQFBgcICQoLDA0ODw/3/",
    "orders~AAECAwQFBgcICQoLDA0ODw/4294967296/",
  ])
  func whatIsNotWrittenByUsIsNoDirectory(_ text: String) {
    #expect(ObjectName.place(ofDirectory: text) == nil)
  }
}

@Suite struct MissingOffsetsTests {
  private func name(_ base: Int64, _ end: Int64) -> ObjectName {
    ObjectName(
      topic: "t", topicID: Array(0..<16), partition: 0, baseOffset: base, lastOffset: end - 1, maxTimestamp: 0,
      leaderEpoch: 0, generation: 0, hotByteCount: 1)
  }

  @Test func whatNoObjectHasIsMissing() {
    let cover = ObjectCover([name(10, 20), name(15, 30), name(40, 50)])
    #expect(cover.missing(in: 0..<60) == [0..<10, 30..<40, 50..<60])
    #expect(cover.missing(in: 12..<28) == [])
    #expect(cover.missing(in: 18..<35) == [30..<35])
    #expect(cover.missing(in: 32..<38) == [32..<38])
    #expect(cover.missing(in: 45..<46) == [])
    #expect(ObjectCover([]).missing(in: 3..<4) == [3..<4])
  }
}
