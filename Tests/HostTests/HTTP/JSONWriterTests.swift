import Foundation
import Testing

@testable import Host

@Suite("JSON of any bytes")
struct JSONTextTests {
  private func decoded(_ payload: [UInt8]) throws -> Any {
    var text = JSONWriter()
    text.payload(payload)
    return try JSONSerialization.jsonObject(with: Data(text.bytes), options: .fragmentsAllowed)
  }

  @Test("text comes back as it was, whatever characters it has")
  func text() throws {
    let all = (0..<0x300).compactMap { Unicode.Scalar($0) }.map { String($0) }.joined() + "\u{2028}😀\u{FFFF}"
    #expect(try decoded(Array(all.utf8)) as? String == all)
    #expect(try decoded([]) as? String == "")
  }

  @Test(
    "bytes that are not UTF-8 come as base64",
    arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0x61, 0x80]] as [[UInt8]])
  func other(_ bytes: [UInt8]) throws {
    let object = try #require(try decoded(bytes) as? [String: String])
    #expect(Data(base64Encoded: object["base64"] ?? "") == Data(bytes))
  }

  @Test("random bytes are always valid JSON and come back", arguments: [1, 2, 3] as [UInt64])
  func random(_ seed: UInt64) throws {
    var state = seed
    for _ in 0..<500 {
      var bytes: [UInt8] = []
      for _ in 0..<Int(state % 40) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(UInt8(truncatingIfNeeded: state >> 56) & (seed == 1 ? 0x7F : 0xFF))
      }
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let back = try decoded(bytes)
      if let text = back as? String {
        #expect(Array(text.utf8) == bytes, "seed \(seed)")
      } else {
        let encoded = try #require((back as? [String: String])?["base64"])
        #expect(Data(base64Encoded: encoded) == Data(bytes), "seed \(seed)")
      }
    }
  }

  @Test("numbers that JSON does not have become null")
  func numbers() {
    var text = JSONWriter()
    for number in [Double.nan, .infinity, -.infinity] { text.number(number) }
    text.number(1.5)
    text.number(Int64.min)
    #expect(String(decoding: text.bytes, as: UTF8.self) == "nullnullnull1.5-9223372036854775808")
  }

  @Test("a cut text ends between two characters")
  func cut() {
    let whole = Array("aé😀".utf8)  // 1 + 2 + 4 bytes
    let tails = (0...whole.count).map { SearchJSON.incompleteTail(Array(whole.prefix($0))) }
    #expect(tails == [0, 0, 1, 0, 1, 2, 3, 0])
  }

  @Test("cursors survive a URL, and nothing else is taken for one")
  func cursors() {
    for length in 0..<40 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + 250) }
      let text = CursorText.encode(bytes)
      #expect(text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=") })
      #expect(CursorText.decode(text) == bytes)
    }
    for wrong in ["!", "a", "a+b=", "ab cd", String(repeating: "A", count: 8196)] {
      #expect(CursorText.decode(wrong) == nil)
    }
  }
}
