/// Why bytes are not a record batch this broker accepts. Closed: the host maps every case to one Kafka error code.
public enum RecordBatchError: Error, Equatable, CustomStringConvertible {
  /// The bytes end before the structure does. Both counts are measured from the start of the batch.
  case truncated(needed: Int, available: Int)
  /// Byte 16 names a message format other than version 2.
  case unsupportedMagic(Int8)
  /// The batchLength field is smaller than the rest of the header.
  case lengthOutOfRange(Int32)
  /// The stored CRC-32C is not the one of the bytes.
  case crcMismatch(stored: UInt32, computed: UInt32)
  /// The record count is negative, more than the bytes can hold, or zero where records are required.
  case invalidRecordCount(Int32)
  /// The last offset delta is negative, or not count − 1 where the offsets must be dense.
  case lastOffsetDeltaMismatch(lastOffsetDelta: Int32, recordCount: Int32)
  /// The three compression bits hold an id without a codec (5, 6 or 7).
  case unknownCompression(Int)
  /// The codec refused the bytes.
  case decompressionFailed(Compression, DecompressionDefect)
  /// The records would decompress to more than `limit` bytes.
  case decompressedTooLarge(limit: Int)
  /// Record number `index` (from 0) of the batch breaks the format or a rule of the topic.
  case malformedRecord(index: Int, reason: RecordDefect)
  /// `count` bytes follow the last record inside the batch.
  case trailingBytes(count: Int)

  public var description: String {
    switch self {
    case .truncated(let needed, let available):
      "record batch is cut short: \(needed) bytes needed, \(available) available"
    case .unsupportedMagic(let magic):
      "record batch has message format version \(magic); only version 2 is supported"
    case .lengthOutOfRange(let length):
      "record batch length \(length) is smaller than a batch header"
    case .crcMismatch(let stored, let computed):
      "record batch checksum mismatch: stored 0x\(hex(stored)), computed 0x\(hex(computed))"
    case .invalidRecordCount(let count):
      "record batch has an impossible record count \(count)"
    case .lastOffsetDeltaMismatch(let delta, let count):
      "record batch has last offset delta \(delta) with \(count) records"
    case .unknownCompression(let id):
      "record batch has unknown compression id \(id)"
    case .decompressionFailed(let codec, let defect):
      "\(codec.name) records cannot be decompressed: \(defect.rawValue)"
    case .decompressedTooLarge(let limit):
      "records decompress to more than the limit of \(limit) bytes"
    case .malformedRecord(let index, let reason):
      "record \(index) of the batch: \(reason.rawValue)"
    case .trailingBytes(let count):
      "\(count) bytes follow the last record of the batch"
    }
  }

  private func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

/// What a codec objected to.
public enum DecompressionDefect: String, Sendable, Equatable {
  case corrupt = "the compressed data is corrupt"
  case endsEarly = "the compressed data ends early"
  case impossibleLength = "the compressed data announces more bytes than it can hold"
  case unsupportedFraming = "the framing version is not supported"
}

/// What is wrong with one record.
public enum RecordDefect: String, Sendable, Equatable {
  case truncated = "it is cut short"
  case overlongVarint = "a variable-length number is too long"
  case negativeLength = "its length is negative"
  case lengthMismatch = "its fields do not fill its length exactly"
  case invalidKeyLength = "its key length is out of range"
  case invalidValueLength = "its value length is out of range"
  case invalidHeaderCount = "its header count is out of range"
  case invalidHeaderKeyLength = "a header key length is out of range"
  case invalidHeaderValueLength = "a header value length is out of range"
  case offsetDeltaOutOfOrder = "its offset delta is not larger than the one before"
  case offsetDeltaOutOfRange = "its offset delta lies outside the batch"
  case offsetDeltaNotDense = "its offset delta is not its index"
  case missingKey = "it has no key"
  case timestampOutOfRange = "its timestamp lies outside the allowed range"
  case malformedControlRecord = "it is not a control record"
}
