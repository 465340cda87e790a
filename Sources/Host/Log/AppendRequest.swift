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

  /// Makes the topic's codec that of every batch, in a buffer of its own. Offsets, sequences and timestamps stay. Takes as
  /// long as compression does; on a thread that may block, and once. The records have been looked at
  /// (``AppendValidator``); memory is bounded by what comes out.
  func recompress(_ codec: Compression, batchByteCountMax: Int) throws(AppendRefusal) {
    var pieces: [[UInt8]] = []
    for batch in batches {
      let bytes = frame.bytes(batch.range)
      if batch.header.compression == codec {
        pieces.append([UInt8](bytes))
        continue
      }
      let transcoded: [UInt8]?
      do throws(RecordBatchError) {
        transcoded = try RecordBatch.transcode(
          bytes, header: batch.header, to: codec, decompressedByteCountMax: AppendValidator.decodedByteCountMax,
          byteCountMax: batchByteCountMax)
      } catch {
        throw AppendValidator.refusal(error)
      }
      guard let transcoded else {
        throw AppendRefusal(
          code: .messageTooLarge,
          message: "The record batch takes more bytes with compression.type=\(codec) than the topic allows, "
            + "max.message.bytes=\(batchByteCountMax).")
      }
      pieces.append(transcoded)
    }
    let total = pieces.reduce(0) { $0 + $1.count }
    guard let buffer = FrameBuffer(byteCount: total, available: total) else {
      throw AppendRefusal(
        code: .kafkaStorageError, message: "There is no memory for \(total) bytes with compression.type=\(codec).")
    }
    var changed: [ValidatedBatch] = []
    for piece in pieces {
      let start = buffer.count
      piece.withUnsafeBytes { buffer.appendReserved($0) }
      do throws(RecordBatchError) {
        let header = try piece.withUnsafeBytesThrowing { (bytes) throws(RecordBatchError) in
          try RecordBatchHeader(parsing: bytes)
        }
        changed.append(ValidatedBatch(range: start..<start + piece.count, header: header))
      } catch {
        preconditionFailure("the encoder wrote a batch that cannot be read: \(error)")
      }
    }
    frame = buffer
    batches = changed
    self.codec = nil
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
