// A long posting list (df ≥ 128), as it stands in POST:
//
//   vi skip_len
//   skip   ⌊df/128⌋ × { vi last_doc − previous last_doc (first: last_doc) ; u8 doc_bits ; u8 tf_bits }
//          ⌊df/128⌋ × { [16·doc_bits] 128 values doc − previous − 1 (previous of the first is −1)
//                       [16·tf_bits]  128 values tf − 1 }                        packed, lowest bits first
//   tail   (df mod 128) × { vi (doc − previous − 1) << 1 | (tf ≠ 1) ; if tf ≠ 1: vi tf }
//   u32    CRC-32C of all of the above
//
// A short one (2 ≤ df < 128) inside a dictionary block: df × { vi (doc − previous) << 1 | (tf ≠ 1) ; [vi tf] }, the
// previous of the first is 0. Frequencies stop at 255.
internal import KafkaRecords

/// The documents of a term, ascending, and the term's frequency in each.
public struct PostingList: Sendable, Equatable {
  public internal(set) var documents: [UInt32] = []
  public internal(set) var frequencies: [UInt8] = []
}

enum PostingCoder {
  static let block = 128

  /// Appends a list of 128 documents or more.
  static func encodeLong(
    _ documents: UnsafePointer<UInt32>, _ frequencies: UnsafePointer<UInt8>, count: Int, to output: ByteOutput,
    scratch: ByteOutput
  ) {
    let start = output.count
    let blocks = count / block
    scratch.removeAll()
    var previous: Int64 = -1
    var previousLast: UInt32 = 0
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * block) { values in
      let gaps = values.baseAddress!
      let extra = gaps + block
      // The skip entries are short and come first, so the blocks wait in `scratch`.
      let skips = ByteOutput(capacity: blocks * 7 + 16)
      for index in 0..<blocks {
        var gapBits: UInt32 = 0
        var extraBits: UInt32 = 0
        for lane in 0..<block {
          let document = documents[index * block + lane]
          gaps[lane] = UInt32(Int64(document) - previous - 1)
          previous = Int64(document)
          extra[lane] = UInt32(frequencies[index * block + lane]) - 1
          gapBits |= gaps[lane]
          extraBits |= extra[lane]
        }
        let last = documents[index * block + block - 1]
        skips.append(vi: UInt64(last - previousLast))
        previousLast = last
        skips.append(UInt8(32 - gapBits.leadingZeroBitCount))
        skips.append(UInt8(32 - extraBits.leadingZeroBitCount))
        BitPacking.pack(gaps, bits: 32 - gapBits.leadingZeroBitCount, to: scratch)
        BitPacking.pack(extra, bits: 32 - extraBits.leadingZeroBitCount, to: scratch)
      }
      output.append(vi: skips.count)
      output.append(skips.bytes)
      output.append(scratch.bytes)
    }
    for index in blocks * block..<count {
      let frequency = frequencies[index]
      output.append(vi: UInt64(Int64(documents[index]) - previous - 1) << 1 | (frequency == 1 ? 0 : 1))
      if frequency != 1 { output.append(vi: UInt64(frequency)) }
      previous = Int64(documents[index])
    }
    let covered = UnsafeRawBufferPointer(rebasing: output.bytes[start...])
    output.append(CRC32C.checksum(covered), as: UInt32.self)
  }

  /// Reads a long list of `count` documents, all below `documentCount`, whose checksum is good.
  static func decodeLong(
    _ bytes: UnsafeRawBufferPointer, count: Int, documentCount: Int
  ) throws(InputDefect) -> PostingList {
    guard bytes.count >= 4 else { throw InputDefect() }
    let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 4)])
    let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self))
    guard CRC32C.checksum(covered) == stored else { throw InputDefect() }
    var input = ByteInput(covered)
    var skips = ByteInput(try input.counted())
    let blocks = count / block
    // A document takes no bytes at all when all gaps are 0; its block takes three in the skip table.
    guard blocks <= skips.remaining / 3, count <= documentCount else { throw InputDefect() }
    var list = PostingList()
    list.documents.reserveCapacity(count)
    list.frequencies.reserveCapacity(count)
    var previous: Int64 = -1
    var last: UInt64 = 0
    let values = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 2 * block)
    defer { values.deallocate() }
    let gaps = values.baseAddress!
    for _ in 0..<blocks {
      last &+= try skips.vi()
      let gapBits = Int(try skips.byte())
      let extraBits = Int(try skips.byte())
      guard gapBits <= 32, extraBits <= 8 else { throw InputDefect() }
      BitPacking.unpack(try input.take(16 * gapBits), bits: gapBits, into: gaps)
      BitPacking.unpack(try input.take(16 * extraBits), bits: extraBits, into: gaps + block)
      for lane in 0..<block {
        try list.append(previous + 1 + Int64(gaps[lane]), UInt64(gaps[block + lane]) + 1, below: documentCount)
        previous = Int64(list.documents[list.documents.count - 1])
      }
      guard UInt64(previous) == last else { throw InputDefect() }
    }
    for _ in blocks * block..<count { previous = try list.appendNext(&input, after: previous + 1, documentCount) }
    guard input.remaining == 0, skips.remaining == 0 else { throw InputDefect() }
    return list
  }

  static func encodeShort(
    _ documents: UnsafePointer<UInt32>, _ frequencies: UnsafePointer<UInt8>, count: Int, to output: ByteOutput
  ) {
    var previous: UInt32 = 0
    for index in 0..<count {
      let frequency = frequencies[index]
      output.append(vi: UInt64(documents[index] - previous) << 1 | (frequency == 1 ? 0 : 1))
      if frequency != 1 { output.append(vi: UInt64(frequency)) }
      previous = documents[index]
    }
  }

  /// Reads a short list of `count` documents.
  static func decodeShort(
    _ input: inout ByteInput, count: Int, documentCount: Int
  ) throws(InputDefect) -> PostingList {
    var list = PostingList()
    var previous: Int64 = 0
    for _ in 0..<count { previous = try list.appendNext(&input, after: previous, documentCount) }
    return list
  }
}

extension PostingList {
  fileprivate mutating func append(_ document: Int64, _ frequency: UInt64, below limit: Int) throws(InputDefect) {
    guard document >= 0, document < limit, frequency >= 1, frequency <= ArchiveLimits.termFrequencyMax else {
      throw InputDefect()
    }
    if let last = documents.last, document <= last { throw InputDefect() }
    documents.append(UInt32(document))
    frequencies.append(UInt8(frequency))
  }

  /// Reads a varint-coded posting counted from `base` and returns its document.
  fileprivate mutating func appendNext(
    _ input: inout ByteInput, after base: Int64, _ documentCount: Int
  ) throws(InputDefect) -> Int64 {
    let raw = try input.vi()
    let gap = raw >> 1
    guard gap < UInt64(documentCount) else { throw InputDefect() }
    let document = base + Int64(gap)
    try append(document, raw & 1 == 0 ? 1 : try input.vi(), below: documentCount)
    return document
  }
}

/// 128 numbers in as many bits as the largest needs, lowest bits first.
enum BitPacking {
  static func pack(_ values: UnsafePointer<UInt32>, bits: Int, to output: ByteOutput) {
    guard bits > 0 else { return }
    output.append(upTo: 16 * bits) { target in
      var pending: UInt64 = 0
      var filled = 0
      var position = 0
      for index in 0..<PostingCoder.block {
        pending |= UInt64(values[index]) << UInt64(filled)
        filled += bits
        if filled >= 32 {
          target.storeBytes(
            of: UInt32(truncatingIfNeeded: pending).littleEndian, toByteOffset: position, as: UInt32.self)
          position += 4
          pending >>= 32
          filled -= 32
        }
      }
      return position
    }
  }

  /// `bytes` are 16 × `bits`.
  static func unpack(_ bytes: UnsafeRawBufferPointer, bits: Int, into values: UnsafeMutablePointer<UInt32>) {
    var pending: UInt64 = 0
    var filled = 0
    var position = 0
    let mask: UInt64 = (1 << UInt64(bits)) - 1
    for index in 0..<PostingCoder.block {
      if filled < bits {
        let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        pending |= UInt64(word) << UInt64(filled)
        position += 4
        filled += 32
      }
      values[index] = UInt32(truncatingIfNeeded: pending & mask)
      pending >>= UInt64(bits)
      filled -= bits
    }
  }
}
