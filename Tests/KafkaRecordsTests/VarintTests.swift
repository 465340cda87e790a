import KafkaRecords
import Testing

@Suite("Varint")
struct VarintTests {
  /// Zigzag and base 128 by hand, after the protocol buffer specification.
  static let vectors: [(Int64, [UInt8])] = [
    (0, [0x00]), (-1, [0x01]), (1, [0x02]), (-2, [0x03]), (63, [0x7E]), (-64, [0x7F]), (64, [0x80, 0x01]),
    (-65, [0x81, 0x01]), (300, [0xD8, 0x04]), (8191, [0xFE, 0x7F]), (8192, [0x80, 0x80, 0x01]),
    (Int64(Int32.max), [0xFE, 0xFF, 0xFF, 0xFF, 0x0F]), (Int64(Int32.min), [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
    (Int64.max, [0xFE] + [UInt8](repeating: 0xFF, count: 8) + [0x01]),
    (Int64.min, [0xFF] + [UInt8](repeating: 0xFF, count: 8) + [0x01]),
  ]

  private func read64(_ bytes: [UInt8]) throws(Varint.Failure) -> (Int64, Int) {
    var position = 0
    let value = try bytes.withBytes { (b) throws(Varint.Failure) in try Varint.read64(b, at: &position) }
    return (value, position)
  }

  private func read32(_ bytes: [UInt8]) throws(Varint.Failure) -> (Int32, Int) {
    var position = 0
    let value = try bytes.withBytes { (b) throws(Varint.Failure) in try Varint.read32(b, at: &position) }
    return (value, position)
  }

  @Test("numbers have the bytes the specification gives them", arguments: vectors)
  func specified(value: Int64, bytes: [UInt8]) throws {
    var buffer = [UInt8](repeating: 0xAA, count: 12)
    let written = buffer.withUnsafeMutableBytes { Varint.write(value, to: $0.baseAddress!) }
    #expect(Array(buffer[..<written]) == bytes)
    #expect(buffer[written...].allSatisfy { $0 == 0xAA })
    #expect(Varint.byteCount(value) == bytes.count)
    #expect(try read64(bytes + [0x55]) == (value, bytes.count))
    if let narrow = Int32(exactly: value) { #expect(try read32(bytes + [0x55]) == (narrow, bytes.count)) }
  }

  @Test("a number that stops early is truncated", arguments: vectors)
  func truncated(value: Int64, bytes: [UInt8]) {
    for length in 0..<bytes.count {
      #expect(throws: Varint.Failure.truncated) { try self.read64(Array(bytes[..<length])) }
    }
  }

  @Test("a number with too many bytes or bits is refused")
  func overlong() {
    let ones = [UInt8](repeating: 0xFF, count: 20)
    #expect(throws: Varint.Failure.overlong) { try self.read32(ones) }
    #expect(throws: Varint.Failure.overlong) { try self.read64(ones) }
    #expect(throws: Varint.Failure.overlong) { try self.read32([0x80, 0x80, 0x80, 0x80, 0x80, 0x00]) }
    #expect(throws: Varint.Failure.overlong) { try self.read32([0xFF, 0xFF, 0xFF, 0xFF, 0x1F]) }
    #expect(throws: Varint.Failure.overlong) { try self.read64([UInt8](repeating: 0xFF, count: 9) + [0x02]) }
  }

  @Test("padding with zero bits is read, as Kafka reads it")
  func padded() throws {
    #expect(try read32([0x82, 0x80, 0x00]) == (1, 3))
    #expect(try read64([0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]) == (-2, 10))
  }
}
