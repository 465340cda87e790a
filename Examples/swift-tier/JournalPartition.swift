import Synchronization
import TierAPI
import TierKit

/// Where one batch lies in the file.
struct JournalEntry: Sendable {
  var baseOffset: Int64
  var nextOffset: Int64
  var maxTimestamp: Int64
  var leaderEpoch: Int32
  var position: Int64
  var byteCount: Int
  var end: Int64 { position + Int64(byteCount) }
}

/// One open partition. The lock guards the index; the host keeps the calls that change it one at a time.
final class JournalPartition: TierPartition {
  private struct State: Sendable {
    var file: JournalFile
    var index: [JournalEntry]
    var start: Int64
    /// Everything below survives power loss.
    var durableEnd: Int64
    /// Why this partition is read-only: a failed write or flush is never repaired by trying again.
    var poison: TierError?

    var end: Int64 { index.last?.nextOffset ?? start }
    var fileEnd: Int64 { index.last?.end ?? Int64(JournalFile.headerByteCount) }
  }

  private let topic: String
  private let byteCountMax: Int64
  private let mutex: Mutex<State>

  /// What was recovered was also flushed, so it is durable.
  init(topic: String, file: JournalFile, index: [JournalEntry], byteCountMax: Int64) {
    self.topic = topic
    self.byteCountMax = byteCountMax
    let end = index.last?.nextOffset ?? file.start
    mutex = Mutex(State(file: file, index: index, start: file.start, durableEnd: end, poison: nil))
  }

  var state: PartitionState {
    mutex.withLock { state in
      let newest = state.index.max { $0.maxTimestamp < $1.maxTimestamp }?.maxTimestamp ?? -1
      let position = newest < 0 ? nil : state.index.first { $0.maxTimestamp == newest }
      return PartitionState(
        startOffset: state.start, endOffset: state.end, durableEndOffset: state.durableEnd,
        byteCount: state.index.reduce(0) { $0 + Int64($1.byteCount) },
        lastLeaderEpoch: state.index.last?.leaderEpoch ?? -1, maxTimestamp: newest,
        maxTimestampOffset: position?.baseOffset ?? -1)
    }
  }

  func close() { _ = flush() }

  func configure(_ settings: PartitionSettings) {}

  /// Writes into the page cache, which a crash of the process does not touch; a failed write takes back what it wrote.
  func append(_ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool) throws(TierError) -> ReadOutcome {
    let (file, end, first, poison) = mutex.withLock { ($0.file, $0.end, $0.fileEnd, $0.poison) }
    if let poison { throw poison }
    var expected = end
    var added: [JournalEntry] = []
    var position = first
    for batch in batches {
      guard batch.base_offset == expected, batch.next_offset > expected else {
        throw TierError(.permanent, "append: batch at \(batch.base_offset) does not continue \(expected)")
      }
      let entry = JournalEntry(
        baseOffset: expected, nextOffset: batch.next_offset, maxTimestamp: batch.max_timestamp,
        leaderEpoch: batch.leader_epoch, position: position, byteCount: batch.bytes.len)
      added.append(entry)
      (position, expected) = (entry.end, entry.nextOffset)
    }
    guard position <= byteCountMax else {
      throw TierError(.noSpace, "\(file.path): \(position) bytes are beyond file_bytes_max \(byteCountMax)")
    }
    do {
      for (batch, entry) in zip(batches, added) {
        try file.write(UnsafeRawBufferPointer(start: batch.bytes.ptr, count: batch.bytes.len), at: entry.position)
      }
    } catch {
      if !file.cut(at: first) { mutex.withLock { $0.poison = error } }
      throw error
    }
    mutex.withLock { $0.index += added }
    return .ok
  }

  /// The durable end rises to what had been appended when the flush began.
  func flush() -> Result<Int64, TierError> {
    let (file, end, poison) = mutex.withLock { ($0.file, $0.end, $0.poison) }
    if let poison { return .failure(poison) }
    do {
      try file.flush()
    } catch {
      mutex.withLock { $0.poison = TierError(.permanent, error.message) }
      return .failure(TierError(.permanent, error.message))
    }
    return mutex.withLock { state in
      if state.file === file { state.durableEnd = max(state.durableEnd, end) }
      return .success(state.durableEnd)
    }
  }

  func truncate(to offset: Int64) throws(TierError) {
    let (start, kept) = mutex.withLock { state in (state.start, state.index.filter { $0.nextOffset <= offset }) }
    try rewrite(kept, start: kept.isEmpty ? min(start, offset) : start)
  }

  func advanceStart(to offset: Int64) throws(TierError) {
    let (start, end, kept) = mutex.withLock { state in
      (state.start, state.end, state.index.filter { $0.nextOffset > offset })
    }
    guard offset <= end else { throw TierError(.permanent, "advance_start: \(offset) is beyond the end \(end)") }
    if offset > start { try rewrite(kept, start: offset) }
  }

  /// Puts a new file with these batches in the place of the old one. The old one stays as it is for the extents that
  /// still refer to it and disappears with the last of them.
  private func rewrite(_ kept: [JournalEntry], start: Int64) throws(TierError) {
    let (old, count, oldStart, poison) = mutex.withLock { ($0.file, $0.index.count, $0.start, $0.poison) }
    if let poison { throw poison }
    if kept.count == count, start == oldStart { return }
    let from = kept.first?.position ?? 0
    let file = try JournalFile.create(old.path, topic: topic, start: start) { (file) throws(TierError) in
      guard let last = kept.last else { return }
      try file.copy(from..<last.end, of: old, to: Int64(JournalFile.headerByteCount))
    }
    let moved = kept.map { entry in
      var entry = entry
      entry.position += Int64(JournalFile.headerByteCount) - from
      return entry
    }
    mutex.withLock { state in
      (state.file, state.index, state.start) = (file, moved, start)
      state.durableEnd = state.end
    }
  }

  /// Batches that follow each other in the file are one extent, so one is always enough.
  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    mutex.withLock { state in
      guard request.offset >= state.start, request.offset < state.end else { return .miss }
      let from = state.index.firstIndex(reachingBeyond: request.offset)
      let first = state.index[from]
      var end = first.position
      var next = first.baseOffset
      for entry in state.index[from...] {
        let fits = entry.end - first.position <= request.maxBytes || (end == first.position && request.minOneBatch)
        guard fits, entry.baseOffset < request.endOffset else { break }
        (end, next) = (entry.end, entry.nextOffset)
      }
      guard end > first.position else { return .ok }
      answer.setOffsets(start: first.baseOffset, next: next)
      answer.addFileRegion(
        fileDescriptor: state.file.descriptor, offset: first.position, byteCount: Int(end - first.position),
        owner: state.file)
      return .ok
    }
  }

  func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierError) -> TimestampOutcome {
    let found = mutex.withLock { state in
      state.index.first {
        $0.maxTimestamp >= timestamp && $0.nextOffset > range.lowerBound && $0.baseOffset < range.upperBound
      }
    }
    return found.map { .found(baseOffset: $0.baseOffset, maxTimestamp: $0.maxTimestamp) } ?? .miss
  }
}

extension [JournalEntry] {
  /// Binary search; precondition: there is such an entry.
  func firstIndex(reachingBeyond offset: Int64) -> Int {
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].nextOffset > offset { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
