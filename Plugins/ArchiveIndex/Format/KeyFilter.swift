// KEYF: nb blocks of 32 bytes (eight u32, little-endian), then u32 CRC-32C of them; nb = ⌈10·keys / 256⌉.
// Parquet's split-block bloom filter: the block is ((h >> 32)·nb) >> 32, in each of its words w one bit is set,
// ((low 32 bits of h)·SALT[w]) >> 27; h is the key's H64.
internal import KafkaRecords

/// Which keys may be in an object: no means no, yes means about 99 % yes.
public struct KeyFilter: Sendable {
  private var words: [UInt32]
  private let blockCount: Int

  private static let wordsPerBlock = 8
  private static let bitsPerKey = 10
  private static let salts: [UInt32] = [
    0x47B6_137B, 0x4497_4D91, 0x8824_AD5B, 0xA2B7_289D, 0x7054_95C7, 0x2DF1_424B, 0x9EFC_4947, 0x5C6B_FB31,
  ]

  init(hashes: [UInt64]) {
    precondition(!hashes.isEmpty)
    blockCount = (Self.bitsPerKey * hashes.count + 255) / 256
    words = [UInt32](repeating: 0, count: blockCount * Self.wordsPerBlock)
    for hash in hashes {
      let first = block(hash)
      for word in 0..<Self.wordsPerBlock { words[first + word] |= Self.bit(hash, word) }
    }
  }

  /// Throws `corrupt` for bytes whose checksum is not theirs. `position` is where they stand in the object.
  init(parsing bytes: UnsafeRawBufferPointer, position: Int) throws(ArchiveError) {
    let byteCount = bytes.count - 4
    guard byteCount >= 32, byteCount % 32 == 0 else { throw .corrupt(.keyFilter, position: position) }
    let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: byteCount, as: UInt32.self))
    guard CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])) == stored else {
      throw .corrupt(.keyFilter, position: position)
    }
    blockCount = byteCount / 32
    words = (0..<byteCount / 4).map {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
    }
  }

  private func block(_ hash: UInt64) -> Int {
    Int(((hash >> 32) * UInt64(blockCount)) >> 32) * Self.wordsPerBlock
  }

  private static func bit(_ hash: UInt64, _ word: Int) -> UInt32 {
    1 << ((UInt32(truncatingIfNeeded: hash) &* salts[word]) >> 27)
  }

  func mayContain(hash: UInt64) -> Bool {
    let first = block(hash)
    for word in 0..<Self.wordsPerBlock {
      let bit = Self.bit(hash, word)
      if words[first + word] & bit == 0 { return false }
    }
    return true
  }

  /// False when no record of the object has this key.
  public func mayContain(key: [UInt8]) -> Bool { key.withUnsafeBytes { mayContain(hash: H64.hash($0)) } }

  func encode(to output: ByteOutput) {
    let start = output.count
    for word in words { output.append(word, as: UInt32.self) }
    let covered = UnsafeRawBufferPointer(rebasing: output.bytes[start...])
    output.append(CRC32C.checksum(covered), as: UInt32.self)
  }
}
