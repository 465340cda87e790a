import Testing

@testable import Host

@Suite("Size prefixes that are none")
struct FramePrefixTests {
  private func complaint(_ bytes: [UInt8]) -> String? {
    FramePrefix.complaint(bytes.reduce(0) { $0 << 8 | UInt32($1) }, byteCountMax: 104_857_600)
  }

  @Test("an HTTP method, a TLS record, a negative size, a tiny and a huge one are named for what they are")
  func named() {
    #expect(complaint(Array("GET ".utf8))?.contains("HTTP request") == true)
    #expect(complaint(Array("POST".utf8))?.contains("HTTP request") == true)
    #expect(complaint([0x16, 0x03, 0x01, 0x02])?.contains("TLS handshake") == true)
    #expect(complaint([0xFF, 0xFF, 0xFF, 0xFF]) == "a frame of -1 bytes")
    #expect(complaint([0, 0, 0, 7])?.contains("shorter than any request header") == true)
    #expect(complaint([0x7F, 0xFF, 0xFF, 0xFF])?.contains("network.max_request_bytes") == true)
    #expect(complaint([0x06, 0x40, 0x00, 0x01])?.contains("104857601") == true)
  }

  @Test("sizes from 8 bytes to the limit pass")
  func plausible() {
    #expect(complaint([0, 0, 0, 8]) == nil)
    #expect(complaint([0x06, 0x40, 0x00, 0x00]) == nil)
  }

  @Test("the answer to HTTP announces the length that it has")
  func answer() throws {
    let parts = FramePrefix.answerToHTTP.split(separator: "\r\n\r\n", maxSplits: 1)
    let length = try #require(parts[0].split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") })
    #expect(Int(length.dropFirst("Content-Length: ".count)) == parts[1].utf8.count)
    #expect(FramePrefix.isHTTP(0x4745_5420))
    #expect(!FramePrefix.isHTTP(0x0000_0100))
  }
}
