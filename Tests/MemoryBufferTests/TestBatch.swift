import Glibc
import TierAPI

/// A batch whose bytes follow from its offsets, so that any copy of it can be checked without keeping it.
struct TestBatch: Equatable {
  var baseOffset: Int64
  var nextOffset: Int64
  var byteCount: Int
  var maxTimestamp: Int64 = -1
  var leaderEpoch: Int32 = 7

  /// base offset, byte count, leader epoch at their places; the rest is random with the offset as its seed.
  func write(to target: UnsafeMutableRawBufferPointer) {
    precondition(target.count == byteCount && byteCount >= 61)
    var random = SeededGenerator(seed: UInt64(bitPattern: baseOffset))
    for index in stride(from: 0, to: byteCount - 7, by: 8) {
      target.storeBytes(of: random.next(), toByteOffset: index, as: UInt64.self)
    }
    target[(byteCount & ~7)...].copyBytes(from: repeatElement(UInt8(0x5A), count: byteCount & 7))
    target.storeBytes(of: baseOffset.bigEndian, toByteOffset: 0, as: Int64.self)
    target.storeBytes(of: Int32(byteCount - 12).bigEndian, toByteOffset: 8, as: Int32.self)
    target.storeBytes(of: leaderEpoch.bigEndian, toByteOffset: 12, as: Int32.self)
    target.storeBytes(of: Int64(nextOffset).bigEndian, toByteOffset: 16, as: Int64.self)
  }

  var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      write(to: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<byteCount]))
      count = byteCount
    }
  }

  /// Splits what a read returned into batches by their own headers and checks every byte; nil when one is torn.
  static func parse(_ all: [UInt8]) -> [TestBatch]? {
    var result: [TestBatch] = []
    var position = 0
    while position < all.count {
      guard all.count - position >= 61 else { return nil }
      let (base, length, epoch, next) = all.withUnsafeBytes { raw in
        (
          Int64(bigEndian: raw.loadUnaligned(fromByteOffset: position, as: Int64.self)),
          Int(Int32(bigEndian: raw.loadUnaligned(fromByteOffset: position + 8, as: Int32.self))) + 12,
          Int32(bigEndian: raw.loadUnaligned(fromByteOffset: position + 12, as: Int32.self)),
          Int64(bigEndian: raw.loadUnaligned(fromByteOffset: position + 16, as: Int64.self))
        )
      }
      guard length >= 61, position + length <= all.count else { return nil }
      let batch = TestBatch(baseOffset: base, nextOffset: next, byteCount: length, leaderEpoch: epoch)
      guard
        batch.bytes.withUnsafeBytes({ wanted in
          all.withUnsafeBytes { memcmp($0.baseAddress! + position, wanted.baseAddress!, length) }
        }) == 0
      else { return nil }
      result.append(batch)
      position += length
    }
    return result
  }
}
