import Configuration
import PluginLoader
import Testing

@testable import Host

@Suite("Requests of the HTTP port")
struct RequestTests {
  @Test("a target is taken apart before it is decoded, so that nothing decoded can become a separator")
  func target() throws {
    let target = try RequestTarget("/v1/search/a%2Fb?q=x+y%2Bz%26&empty=&bare&since=2h%20ago#f?g")
    #expect(target.path == ["v1", "search", "a/b"])
    #expect(target.fields == ["q": "x y+z&", "empty": "", "bare": "", "since": "2h ago"])
    #expect(try RequestTarget("/").path == [])
    #expect(try RequestTarget("/a+b").path == ["a+b"])
  }

  @Test(
    "a target that is not one is refused",
    arguments: ["", "a", "*", "/%", "/%a", "/%ag", "/%ff", "/?a=1&a=2", "/?q=%c3"])
  func badTarget(_ text: String) { #expect(throws: HTTPProblem.self) { try RequestTarget(text) } }

  @Test("more fields than anybody needs are refused")
  func manyFields() {
    let query = (0..<100).map { "f\($0)=1" }.joined(separator: "&")
    #expect(throws: HTTPProblem.self) { try RequestTarget("/?" + query) }
  }

  @Test("every field of a search means what it says")
  func fields() throws {
    let given = [
      "q": "a b", "key": "", "since": "15m", "until": "now", "partition": "3, 1,3", "offset-from": "5",
      "offset_to": "9",
      "order": "newest", "limit": "10000", "cursor": "_-8", "timeout": "5s", "budget": "64KiB", "max_value_bytes": "0",
    ]
    let query = try SearchFields(given, now: 1_000_000).query(topic: "t.1")
    var expected = SearchQuery(topic: "t.1")
    expected.text = "a b"
    expected.key = []
    expected.since = 100_000
    expected.until = 1_000_000
    // A cursor goes on with the same words, whatever the time is by then.
    expected.sinceText = "15m"
    expected.untilText = "now"
    expected.partitions = [1, 3]
    expected.offsetFrom = 5
    expected.offsetTo = 9
    expected.limit = 10_000
    expected.cursor = [0xFF, 0xEF]
    expected.timeout = 5000
    expected.byteBudget = 65_536
    expected.maxValueBytes = 0
    #expect(query == expected)
  }

  @Test("every field of a JSON body becomes the field of a query string; null is absence")
  func body() throws {
    let json = #"{"q": "a \"b\"", "limit": 5, "partition": [0, 2], "key": null, "since": -7}"#
    #expect(
      try SearchBody.fields(Array(json.utf8)) == ["q": "a \"b\"", "limit": "5", "partition": "0,2", "since": "-7"])
  }

  @Test("a port on this machine answers to this machine's names only; an open one to all")
  func hosts() throws {
    let local = HostGuard(Endpoint(host: "127.0.0.1", port: 9643))
    for name in ["127.0.0.1", "127.0.0.1:9643", "localhost", "LocalHost:1", "[::1]:9643", "10.0.0.1", ""] {
      #expect(throws: Never.self, "\(name)") { try local.check(authority: name, origin: nil) }
    }
    #expect(throws: Never.self) { try local.check(authority: nil, origin: nil) }
    for name in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9643", "1.2.3", "0x7f.1"] {
      #expect(throws: HTTPProblem.self, "\(name)") { try local.check(authority: name, origin: nil) }
    }
    try HostGuard(Endpoint(host: "0.0.0.0", port: 1)).check(authority: "broker.example", origin: nil)
    try local.check(authority: "localhost:9643", origin: "http://localhost:9643")
    #expect(throws: HTTPProblem.self) { try local.check(authority: "localhost:9643", origin: "http://localhost:9999") }
    #expect(throws: HTTPProblem.self) { try local.check(authority: "localhost:9643", origin: "null") }
  }
}
