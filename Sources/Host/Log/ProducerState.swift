import KafkaProtocol
import KafkaRecords

/// What one partition knows of the idempotent producers that wrote to it: per producer id its epoch and its last ten
/// batches, twice as many as Kafka's clients have in flight (KIP-98, KIP-360). Pure; the log calls ``check``
/// and ``record`` around the append as one critical section.
///
/// A producer that is not known may begin with any sequence: its state may have gone with its records or its silence,
/// and refusing it would stop a healthy client for good (Kafka's rule too).
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
    /// When it last appended by the broker's clock, ms; producers silent for `producer.id.expiration.ms` are forgotten.
    /// The records' own time will not do: a producer that copies old records would expire at once.
    var lastAppendTime: Int64
  }

  enum Verdict: Equatable {
    case append
    /// The batch is in the log already; the client gets the offsets of that copy.
    case duplicate(baseOffset: Int64, lastOffset: Int64, timestamp: Int64)
    case refuse(ErrorCode, String)
  }

  static let batchesKept = 10
  /// Producers that one partition remembers, about 500 bytes each. Beyond it the longest silent ones are forgotten.
  static let countMax = 10_000

  private(set) var producers: [Int64: Producer] = [:]

  init() {}

  /// Restores what a snapshot held.
  init(_ producers: [Int64: Producer]) { self.producers = producers }

  /// Decides about the batches of one request, before offsets are assigned. Kafka's clients send one; with several,
  /// each is judged as if those before it were in the log, and copies must not be mixed with new batches, because the
  /// whole request gets one answer.
  func check(_ batches: [ValidatedBatch]) -> Verdict {
    if batches.count == 1 { return check(batches[0].header) }
    var ahead = ProducerStates()
    var copies: Verdict?
    var hasNew = false
    for batch in batches {
      let header = batch.header
      if header.hasProducerID, ahead.producers[header.producerID] == nil {
        ahead.producers[header.producerID] = producers[header.producerID]
      }
      switch ahead.check(header) {
      case .refuse(let code, let message): return .refuse(code, message)
      case .append:
        hasNew = true
        ahead.record(header, baseOffset: 0, now: 0)
      case .duplicate(let base, let last, let timestamp):
        guard case .duplicate(let first, _, let time)? = copies else {
          copies = .duplicate(baseOffset: base, lastOffset: last, timestamp: timestamp)
          continue
        }
        copies = .duplicate(baseOffset: first, lastOffset: last, timestamp: time)
      }
    }
    guard let copies else { return .append }
    return hasNew ? .refuse(.invalidRecord, "A request mixes batches that are in the log with new ones.") : copies
  }

  /// Decides about one batch.
  func check(_ header: RecordBatchHeader) -> Verdict {
    guard header.hasProducerID, let known = producers[header.producerID] else { return .append }
    if header.producerEpoch < known.epoch {
      return .refuse(
        .invalidProducerEpoch,
        "Epoch of producer \(header.producerID) is \(header.producerEpoch), which is smaller than "
          + "the last seen epoch \(known.epoch)."
      )
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

  /// Notes a batch that was appended at `baseOffset`; `now` is the broker's clock, ms.
  mutating func record(_ header: RecordBatchHeader, baseOffset: Int64, now: Int64) {
    guard header.hasProducerID else { return }
    var producer =
      producers[header.producerID] ?? Producer(epoch: header.producerEpoch, batches: [], lastAppendTime: now)
    if producer.epoch != header.producerEpoch {
      producer.epoch = header.producerEpoch
      producer.batches.removeAll(keepingCapacity: true)
    }
    producer.lastAppendTime = now
    if !header.isControl {
      if producer.batches.count == Self.batchesKept { producer.batches.removeFirst() }
      producer.batches.append(
        Batch(
          firstSequence: header.baseSequence, lastSequence: header.lastSequence, baseOffset: baseOffset,
          lastOffset: baseOffset + Int64(header.lastOffsetDelta), timestamp: header.maxTimestamp))
    }
    producers[header.producerID] = producer
    if producers.count > Self.countMax { makeRoom() }
  }

  /// Forgets producers whose last append is older than `time`, ms.
  mutating func expire(before time: Int64) {
    guard producers.contains(where: { $0.value.lastAppendTime < time }) else { return }
    producers = producers.filter { $0.value.lastAppendTime >= time }
  }

  /// Forgets the longest silent sixteenth at once, so that the search does not happen per producer.
  private mutating func makeRoom() {
    let oldestFirst = producers.sorted { $0.value.lastAppendTime < $1.value.lastAppendTime }
    for entry in oldestFirst.prefix(Self.countMax / 16) { producers[entry.key] = nil }
  }
}
