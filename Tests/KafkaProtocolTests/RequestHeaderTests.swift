import KafkaProtocol
import Testing

struct RequestHeaderTests {
  private func decode(_ bytes: [UInt8], at position: Int = 0) throws -> RequestHeader {
    try bytes.withUnsafeBytes { try RequestHeader.decode(from: $0, at: position) }
  }

  @Test("a header behind the size of its frame, flexible: the body starts after the tags")
  func flexible() throws {
    // Size 20; Metadata (3) v9, correlation id 258, client "ab", one tag 7 of two bytes; then the body.
    let header = try decode(
      [0, 0, 0, 20, 0, 3, 0, 9, 0, 0, 1, 2, 0, 2, 0x61, 0x62, 1, 7, 2, 9, 9, 0x55], at: 4)
    #expect(
      header
        == RequestHeader(
          apiKey: 3, apiVersion: 9, correlationID: 258, clientID: "ab", bodyPosition: 21))
  }

  @Test("a plain header has no tags, and a client id may be null or empty")
  func plain() throws {
    let null = try decode([0, 3, 0, 8, 0, 0, 0, 1, 0xFF, 0xFF, 0x55])
    #expect(null.clientID == nil)
    #expect(null.bodyPosition == 10)
    let empty = try decode([0, 3, 0, 8, 0, 0, 0, 1, 0, 0, 0x55])
    #expect(empty.clientID == "")
    #expect(empty.bodyPosition == 10)
  }

  @Test("an unknown API gives its correlation id, whatever follows")
  func unknownAPI() throws {
    for tail: [UInt8] in [[], [0xFF], [0x7F, 0xFF, 1], [0xFF, 0xFE], [0, 1, 0x61, 1, 2, 3]] {
      let header = try decode([0x7F, 0, 0, 3, 0xAA, 0xBB, 0xCC, 0xDD] + tail)
      #expect(header.api == nil)
      #expect(header.apiKey == 0x7F00)
      #expect(header.correlationID == Int32(bitPattern: 0xAABB_CCDD))
    }
  }

  @Test("an unknown version of ApiVersions gives its correlation id")
  func unknownVersion() throws {
    let header = try decode([0, 18, 0x7F, 0xFF, 0, 0, 0, 9, 0, 1, 0x61, 0, 1, 2, 3])
    #expect(header.api == .apiVersions)
    #expect(header.apiVersion == .max)
    #expect(header.correlationID == 9)
    #expect(header.clientID == "a")
  }

  @Test("a client id that is not UTF-8 does not stop the request")
  func clientIDIsFreeText() throws {
    let header = try decode([0, 18, 0, 0, 0, 0, 0, 9, 0, 3, 0x61, 0xFF, 0x62])
    #expect(header.clientID == "a\u{FFFD}b")
    #expect(header.bodyPosition == 13)
  }

  @Test("a known API with a header cut short anywhere is an error")
  func truncation() throws {
    let sound: [UInt8] = [0, 3, 0, 9, 0, 0, 0, 1, 0, 2, 0x61, 0x62, 1, 7, 2, 9, 9]
    #expect(try decode(sound).bodyPosition == sound.count)
    for count in sound.indices {
      #expect(throws: WireError.self) { try decode(Array(sound.prefix(count))) }
    }
    let error = #expect(throws: WireError.self) { try decode([0, 3, 0, 9, 0, 0, 0, 1, 0xFF, 0xFE]) }
    #expect(
      error == WireError(.negativeLength, position: 8, apiKey: .metadata, version: 9))
  }

  @Test("random bytes are a header or an error, never a crash, and eight of them give a correlation id")
  func randomBytes() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("header seed \(seed)")
    var random = SplitMix64(state: seed)
    for _ in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        UInt8.random(in: .min ... .max, using: &random)
      }
      // Half of them look like a known API at first.
      if bytes.count > 1 && Bool.random(using: &random) { (bytes[0], bytes[1]) = (0, bytes[1] % 80) }
      guard let header = try? decode(bytes) else { continue }
      #expect(header.bodyPosition <= bytes.count)
      #expect(header.correlationID == bytes[4..<8].reduce(0) { $0 << 8 | Int32($1) })
    }
  }

  @Test("a response header has tags in flexible versions, except for ApiVersions")
  func responseHeader() throws {
    let bytes: [UInt8] = [0, 0, 0, 7, 1, 3, 1, 0xAA, 0x55]
    try bytes.withUnsafeBytes { bytes in
      let metadata = try ResponseHeader.decode(from: bytes, apiKey: .metadata, version: 9)
      #expect(metadata.correlationID == 7)
      #expect(metadata.bodyPosition == 8)
      let plain = try ResponseHeader.decode(from: bytes, apiKey: .metadata, version: 8)
      #expect(plain.bodyPosition == 4)
      let apiVersions = try ResponseHeader.decode(from: bytes, apiKey: .apiVersions, version: 3)
      #expect(apiVersions.bodyPosition == 4)
    }
  }
}
