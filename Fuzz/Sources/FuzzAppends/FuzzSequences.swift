import KafkaRecords

@testable import HostParts

/// Batches of up to four producers, eight bytes each: producer and kind, epoch, base sequence (five bytes or few), count.
/// What the log appends goes into ``ProducerStates`` as it does there, beside the plain truth: a list of all appended
/// batches.
func fuzzSequences(_ input: UnsafeRawBufferPointer) {
  var states = ProducerStates()
  var truth: [Int64: [RecordBatchHeader]] = [:]
  var end: Int64 = 0
  var bytes = input
  while bytes.count >= 8 {
    let header = header(bytes, end)
    bytes = UnsafeRawBufferPointer(rebasing: bytes[8...])
    let verdict = states.check([ValidatedBatch(range: 0..<RecordBatchHeader.byteCount, header: header)])
    check(verdict, header, truth[header.producerID] ?? [])
    guard case .append = verdict else { continue }
    var appended = header
    appended.baseOffset = end
    states.record(appended, baseOffset: end, now: end)
    truth[header.producerID, default: []].append(appended)
    // The same batch again is a copy of the one that went in, whatever came before it.
    let again = ProducerStates.Verdict.duplicate(
      baseOffset: end, lastOffset: appended.lastOffset, timestamp: appended.maxTimestamp)
    precondition(states.check(header) == again, "a retry was not recognised")
    end = appended.nextOffset
  }
  roundTrip(states, end)
}

private func header(_ bytes: UnsafeRawBufferPointer, _ end: Int64) -> RecordBatchHeader {
  let wide = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: Int32.self)) & .max
  let count = Int32(bytes[6]) + 1
  // Few sequences meet each other; the rest are near the point where they wrap.
  let sequence = bytes[0] & 4 == 0 ? wide & 0xFF : Int32.max - (wide & 0xFF)
  var header = RecordBatchHeader()
  header.producerID = Int64(bytes[0] & 3)
  header.producerEpoch = Int16(bytes[1] & 3)
  header.baseSequence = sequence
  header.recordCount = count
  header.lastOffsetDelta = count - 1
  header.maxTimestamp = Int64(bytes[7])
  return header
}

/// The promise of idempotence, in terms of what was appended: no batch goes in twice, none is left out between two of an
/// epoch, and no epoch comes after a later one.
private func check(_ verdict: ProducerStates.Verdict, _ header: RecordBatchHeader, _ appended: [RecordBatchHeader]) {
  let epoch = appended.last?.producerEpoch
  switch verdict {
  case .append:
    guard let last = appended.last, let epoch else { return }
    precondition(header.producerEpoch >= epoch, "an epoch of the past was appended")
    precondition(header.baseSequence == (header.producerEpoch == epoch ? last.nextSequence : 0), "a gap or an overlap")
  case .duplicate(let base, let lastOffset, let timestamp):
    precondition(
      appended.contains {
        $0.baseOffset == base && $0.lastOffset == lastOffset && $0.maxTimestamp == timestamp
          && $0.producerEpoch == header.producerEpoch && $0.baseSequence == header.baseSequence
          && $0.recordCount == header.recordCount
      }, "a copy of something that is not in the log")
  case .refuse(let code, _):
    precondition(!appended.isEmpty, "an unknown producer was refused")
    precondition((code == .invalidProducerEpoch) == (header.producerEpoch < epoch ?? 0))
  }
}

/// What is known survives a restart.
private func roundTrip(_ states: ProducerStates, _ end: Int64) {
  for producer in states.producers.values { precondition(producer.batches.count <= ProducerStates.batchesKept) }
  let snapshot = PartitionSnapshot(
    offset: end, logStartOffset: 0, epochs: LeaderEpochHistory(), producers: states.producers)
  precondition(PartitionSnapshot(snapshot.encode()) == snapshot, "a snapshot reads as something else")
}
