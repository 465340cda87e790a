import KafkaProtocol
import KafkaRecords

/// What one partition knows of the idempotent producers that wrote to it: per producer id its epoch and its last five
/// batches, which is the number of requests a client may have in flight (KIP-98, KIP-360). Pure; the log calls
/// ``check(_:)`` and ``record(_:baseOffset:)`` around the append as one critical section.
struct ProducerStates: Sendable {
  /// A batch that was appended.
  struct Batch: Sendable, Equatable {
    var firstSequence: Int32
    var lastSequence: Int32
    var baseOffset: Int64
    var lastOffset: Int64
    /// maxTimestamp of the batch, ms.
    var timestamp: Int64
  }

  struct Producer: Sendable, Equatable {
    var epoch: Int16
    /// At most ``ProducerStates/batchesKept``, oldest first. Empty after an epoch was raised by a control batch.
    var batches: [Batch]
    /// Of its last append, ms; producers idle for `producer.id.expiration.ms` are forgotten.
    var lastTimestamp: Int64
  }

  enum Verdict: Equatable {
    case append
    /// The batch is in the log already; the client gets the offsets of that copy.
    case duplicate(baseOffset: Int64, lastOffset: Int64, timestamp: Int64)
    case refuse(ErrorCode, String)
  }

  static let batchesKept = 5

  private(set) var producers: [Int64: Producer] = [:]

  init() {}

  /// Restores what a snapshot held.
  init(_ producers: [Int64: Producer]) { self.producers = producers }

  /// Decides about a batch with a producer id, before offsets are assigned.
  func check(_ header: RecordBatchHeader) -> Verdict {
    guard header.hasProducerID, let known = producers[header.producerID] else { return .append }
    if header.producerEpoch < known.epoch {
      return .refuse(
        .invalidProducerEpoch,
        "Epoch of producer \(header.producerID) is \(header.producerEpoch), which is smaller than the last seen epoch \(known.epoch).")
    }
    if header.producerEpoch > known.epoch {
      if header.baseSequence == 0 { return .append }
      return .refuse(
        .outOfOrderSequenceNumber,
        "Invalid sequence number for new epoch of producer \(header.producerID): \(header.baseSequence) (expected 0).")
    }
    if let copy = known.batches.first(where: {
      $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
    }) {
      return .duplicate(baseOffset: copy.baseOffset, lastOffset: copy.lastOffset, timestamp: copy.timestamp)
    }
    guard let last = known.batches.last else {
      return header.baseSequence == 0 ? .append : outOfOrder(header, expected: 0)
    }
    let expected = RecordBatchHeader.sequence(last.lastSequence, advancedBy: 1)
    return header.baseSequence == expected ? .append : outOfOrder(header, expected: expected)
  }

  private func outOfOrder(_ header: RecordBatchHeader, expected: Int32) -> Verdict {
    .refuse(
      .outOfOrderSequenceNumber,
      "Out of order sequence number for producer \(header.producerID): \(header.baseSequence) (expected \(expected)).")
  }

  /// Notes a batch that was appended at `baseOffset`.
  mutating func record(_ header: RecordBatchHeader, baseOffset: Int64) {
    guard header.hasProducerID else { return }
    var producer = producers[header.producerID] ?? Producer(epoch: header.producerEpoch, batches: [], lastTimestamp: -1)
    if producer.epoch != header.producerEpoch {
      producer.epoch = header.producerEpoch
      producer.batches.removeAll(keepingCapacity: true)
    }
    producer.lastTimestamp = header.maxTimestamp
    if !header.isControl {
      if producer.batches.count == Self.batchesKept { producer.batches.removeFirst() }
      producer.batches.append(
        Batch(
          firstSequence: header.baseSequence, lastSequence: header.lastSequence, baseOffset: baseOffset,
          lastOffset: baseOffset + Int64(header.lastOffsetDelta), timestamp: header.maxTimestamp))
    }
    producers[header.producerID] = producer
  }

  /// Forgets producers whose last append is older than `timestamp`.
  mutating func expire(before timestamp: Int64) {
    producers = producers.filter { $0.value.lastTimestamp >= timestamp }
  }
}
