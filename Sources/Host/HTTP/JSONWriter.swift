import Foundation

/// JSON, written piece by piece. Whatever bytes come in, what comes out is valid JSON in UTF-8.
struct JSONWriter: Sendable {
  private(set) var bytes: [UInt8] = []

  /// Text that is JSON already.
  mutating func raw(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  mutating func number(_ value: some FixedWidthInteger) { bytes.append(contentsOf: String(value).utf8) }

  /// Not-a-number and the infinities, which JSON does not have, become null.
  mutating func number(_ value: Double) {
    bytes.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
  }

  mutating func flag(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }

  mutating func null() { raw("null") }

  mutating func string(_ text: String) {
    var text = text
    text.withUTF8 { quote($0) }
  }

  /// A string when the bytes are UTF-8, otherwise {"base64":"…"}; null for nil.
  mutating func payload(_ payload: [UInt8]?) {
    guard let payload else { return null() }
    if String(validating: payload, as: UTF8.self) != nil {
      payload.withUnsafeBufferPointer { quote($0) }
    } else {
      raw("{\"base64\":\"")
      bytes.append(contentsOf: Data(payload).base64EncodedString().utf8)
      raw("\"}")
    }
  }

  private static let hexadecimal = Array("0123456789abcdef".utf8)

  private mutating func quote(_ utf8: UnsafeBufferPointer<UInt8>) {
    bytes.append(UInt8(ascii: "\""))
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "\""): raw("\\\"")
      case UInt8(ascii: "\\"): raw("\\\\")
      case UInt8(ascii: "\n"): raw("\\n")
      case UInt8(ascii: "\r"): raw("\\r")
      case UInt8(ascii: "\t"): raw("\\t")
      case 0..<0x20, 0x7F:
        raw("\\u00")
        bytes.append(Self.hexadecimal[Int(byte >> 4)])
        bytes.append(Self.hexadecimal[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
