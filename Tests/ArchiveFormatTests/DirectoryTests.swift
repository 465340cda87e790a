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
