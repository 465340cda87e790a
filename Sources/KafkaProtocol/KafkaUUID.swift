/// A 128-bit identifier, as Kafka uses for topics. Its text form is base64url without padding: 22 characters.
public struct KafkaUUID: Hashable, Sendable {
  /// The first eight bytes on the wire, big-endian.
  public var high: UInt64
  /// The last eight bytes on the wire, big-endian.
  public var low: UInt64

  /// "No identifier" wherever the protocol has a field of this type.
  public static let zero = KafkaUUID(high: 0, low: 0)

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Nil unless `text` is exactly 22 base64url characters whose unused last four bits are zero.
  public init?(_ text: some StringProtocol) {
    let digits = text.utf8
    guard digits.count == 22 else { return nil }
    var bits: (high: UInt64, low: UInt64) = (0, 0)
    for (index, digit) in digits.enumerated() {
      guard let value = Self.value(ofDigit: digit) else { return nil }
      // 21 digits carry 126 bits, the last one carries two bits and four zeros.
      let (width, payload): (UInt64, UInt64) = index < 21 ? (6, value) : (2, value >> 4)
      if index == 21 && value & 0x0F != 0 { return nil }
      bits.high = bits.high << width | bits.low >> (64 - width)
      bits.low = bits.low << width | payload
    }
    self.init(high: bits.high, low: bits.low)
  }

  private static func value(ofDigit digit: UInt8) -> UInt64? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt64(digit - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt64(digit - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(digit - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}

extension KafkaUUID: CustomStringConvertible {
  public var description: String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var rest = (high: high, low: low)
    var text: [UInt8] = []
    text.reserveCapacity(22)
    for _ in 0..<22 {
      text.append(alphabet[Int(rest.high >> 58)])
      rest.high = rest.high << 6 | rest.low >> 58
      rest.low <<= 6
    }
    return String(decoding: text, as: UTF8.self)
  }
}
