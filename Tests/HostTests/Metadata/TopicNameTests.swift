import Testing

@testable import Host

@Suite("Topic names follow Kafka's rule")
struct TopicNameTests {
  @Test(
    "legal names",
    arguments: ["a", "orders", "A.b_c-9", "__consumer_offsets", String(repeating: "x", count: 249), "..."])
  func legal(name: String) {
    #expect(TopicName.complaint(name) == nil)
  }

  @Test(
    "illegal names", arguments: ["", ".", "..", String(repeating: "x", count: 250), "a b", "a/b", "ä", "a\n", "a\0"])
  func illegal(name: String) {
    #expect(TopicName.complaint(name) != nil)
  }
}
