import KafkaProtocol
import KafkaRecords

/// One partition's records of a produce request on their way into the log.
///
/// `batches` is not empty. Frame and batches change only on the appender's thread, when the topic wants another codec.
final class AppendRequest: @unchecked Sendable {
  private(set) var frame: FrameBuffer
  private(set) var batches: [ValidatedBatch]
  let acks: Acks
  /// What the batches must be compressed with before they are appended; nil leaves them as they are.
  private(set) var codec: Compression?
  private let completion: @Sendable (AppendOutcome) -> Void

  /// `codec` is the topic's (`compression.type`), nil for the producer's. `completion` is called exactly once, from any
  /// thread, possibly before `append` returns.
  init(
    frame: FrameBuffer, batches: [ValidatedBatch], acks: Acks, codec: Compression? = nil,
    completion: @escaping @Sendable (AppendOutcome) -> Void
  ) {
    self.frame = frame
    self.batches = batches
    self.acks = acks
    self.codec = batches.contains { $0.header.compression != codec } ? codec : nil
    self.completion = completion
  }

  var hasProducer: Bool { batches.contains { $0.header.hasProducerID } }

  func complete(_ outcome: AppendOutcome) { completion(outcome) }

  /// Decompressed, what several small batches of one request may become beside one of the topic's largest size.
  private static let recompressedByteCountMax = 32 << 20

  /// Makes the topic's codec that of every batch, in a buffer of its own. Offsets, sequences and timestamps stay. Takes as
  /// long as compression does; on a thread that may block, and once. The records have been looked at
  /// (``AppendValidator``). Memory is bounded: by the topic's largest batch, or for several batches by 32 MiB and sixteen
  /// times what the producer sent.
  func recompress(_ codec: Compression, batchByteCountMax: Int) throws(AppendRefusal) {
    let given = batches.reduce(0) { $0 + $1.range.count }
    let allowed = AppendValidator.decodedByteCountPerFrameByte * given
    var left = max(batchByteCountMax, min(Self.recompressedByteCountMax, allowed))
    var pieces: [(bytes: [UInt8], batch: ValidatedBatch)] = []
    for batch in batches {
      let bytes = frame.bytes(batch.range)
      let limit = min(batchByteCountMax, left)
      guard let piece = try Self.transcode(bytes, batch, codec, limit) else {
        throw AppendRefusal(
          code: .messageTooLarge,
          message: limit == batchByteCountMax
            ? "The record batch takes more bytes with compression.type=\(codec) than the topic allows, "
              + "max.message.bytes=\(batchByteCountMax)."
            : "The record batches take too many bytes with compression.type=\(codec); send fewer in a request.")
      }
      left -= piece.bytes.count
      pieces.append(piece)
    }
    let total = pieces.reduce(0) { $0 + $1.bytes.count }
    guard let buffer = FrameBuffer(byteCount: total, available: total) else {
      throw AppendRefusal(
        code: .kafkaStorageError, message: "There is no memory for \(total) bytes with compression.type=\(codec).")
    }
    batches = pieces.map { piece in
      var batch = piece.batch
      batch.range = buffer.count..<buffer.count + piece.bytes.count
      piece.bytes.withUnsafeBytes { buffer.appendReserved($0) }
      return batch
    }
    frame = buffer
    self.codec = nil
  }

  /// A batch in the topic's codec, a copy where it has that already; nil when it would take more than `byteCountMax`.
  private static func transcode(
    _ bytes: UnsafeRawBufferPointer, _ batch: ValidatedBatch, _ codec: Compression, _ byteCountMax: Int
  ) throws(AppendRefusal) -> (bytes: [UInt8], batch: ValidatedBatch)? {
    guard batch.header.compression != codec else {
      return bytes.count <= byteCountMax ? ([UInt8](bytes), batch) : nil
    }
    do throws(RecordBatchError) {
      let transcoded = try RecordBatch.transcode(
        bytes, header: batch.header, to: codec, decompressedByteCountMax: AppendValidator.decodedByteCountMax,
        byteCountMax: byteCountMax)
      guard let transcoded else { return nil }
      var changed = batch
      changed.repairsMaxTimestamp = false
      changed.header = try transcoded.withUnsafeBytesThrowing { (bytes) throws(RecordBatchError) in
        try RecordBatchHeader(parsing: bytes)
      }
      return (transcoded, changed)
    } catch {
      throw AppendValidator.refusal(error)
    }
  }
}

/// What the appender of a log does, one at a time.
enum LogWork: Sendable {
  case append(AppendRequest)
  case change(TierChange)

  /// Ends work that will not be done because the log is closed.
  func refuse() {
    switch self {
    case .append(let request): request.complete(.refused(.notLeaderOrFollower, "The partition is closing."))
    case .change(let change): change.refuse()
    }
  }
}

/// Work on a partition's tiers that must not run beside an append. Exactly one of the two is called.
struct TierChange: Sendable {
  let run: @Sendable () -> Void
  let refuse: @Sendable () -> Void
}

extension Array {
  /// `withUnsafeBytes` for closures with a typed error.
  fileprivate func withUnsafeBytesThrowing<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in try body(UnsafeRawBufferPointer(buffer)) }
  }
}
