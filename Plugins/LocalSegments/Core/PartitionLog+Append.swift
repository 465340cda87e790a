import Glibc
import KafkaRecords
import TierAPI
import TierKit

/// Appending. One call writes all its batches with one system call into the page cache of the active segment, then
/// notes what the indexes need, then publishes the new end. Nothing is visible before, so a failure in between only has
/// to cut the file back to where it was.
extension PartitionLog {
  /// Appends all batches or none. With `nonblocking` it answers `.wouldBlock`, having done nothing, when a segment must
  /// be rolled, when the file's descriptor was closed meanwhile, or when too many bytes wait for a flush.
  package func append(
    _ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool
  ) throws(TierError) -> ReadOutcome {
    guard !batches.isEmpty else { return .ok }
    let (entry, poison, unflushed) = published.withLock { state in
      (state.segments[state.segments.count - 1], state.poison, state.unflushedByteCount)
    }
    if let poison { throw TierError(.permanent, "\(name) is read-only: \(poison)") }
    try check(batches, end: entry.tail.nextOffset)
    try checkSpace(batches)
    if unflushed > context.configuration.unflushedByteCountMax {
      if nonblocking { return .wouldBlock }
      _ = try flush().get()
    }
    guard fits(batches, entry.tail, base: entry.segment.baseOffset) == batches.count else {
      if nonblocking { return .wouldBlock }
      try appendRolling(batches, entry)
      return .ok
    }
    guard let file = try openLog(entry, nonblocking: nonblocking) else { return .wouldBlock }
    try write(batches, file, at: entry.tail.byteCount)
    let tail = noteAppended(batches, to: entry)
    published.withLock { state in
      let last = state.segments.count - 1
      state.segments[last].tail = tail
      if state.segments[last].dirtyFile == nil { state.segments[last].dirtyFile = file }
      for batch in batches { state.epochs.note(batch.leader_epoch, at: batch.base_offset) }
    }
    return .ok
  }

  private func openLog(_ entry: SegmentEntry, nonblocking: Bool) throws(TierError) -> OpenFile? {
    if let file = entry.dirtyFile ?? entry.segment.log.ifOpen() { return file }
    if nonblocking { return nil }
    return try naming("open", entry.segment.log.path) { () throws(Errno) in try entry.segment.log.file() }
  }

  /// Refuses batches that do not continue the log: the host's mistake, and the log stays as it is.
  private func check(_ batches: UnsafeBufferPointer<chronik_batch>, end: Int64) throws(TierError) {
    var expected = end
    for batch in batches {
      guard batch.base_offset == expected, batch.next_offset > expected, let bytes = batch.bytes.ptr,
        batch.bytes.len >= RecordBatchHeader.byteCount, Int64(batch.bytes.len) <= Limits.segmentByteCountMax,
        Int64(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(as: Int64.self)) == expected
      else {
        throw TierError(
          .permanent,
          "\(name): a batch of \(batch.bytes.len) bytes with offsets \(batch.base_offset)..<\(batch.next_offset) "
            + "does not continue the log at \(expected)")
      }
      expected = batch.next_offset
    }
  }

  /// Refuses batches that would take what is kept for deletions.
  private func checkSpace(_ batches: UnsafeBufferPointer<chronik_batch>) throws(TierError) {
    let byteCount = batches.reduce(Int64(0)) { $0 + Int64($1.bytes.len) }
    guard let free = context.space.refusal(of: byteCount) else { return }
    throw TierError(
      .noSpace,
      "write \(directory): \(Errno.noSpace) (\(free) bytes free, \(context.space.kept) of which are kept so that "
        + "something can be deleted); free some space, later appends may succeed")
  }

  /// How many of the batches, from the first on, may go into the segment without rolling it.
  private func fits(_ batches: UnsafeBufferPointer<chronik_batch>, _ tail: SegmentTail, base: Int64) -> Int {
    var byteCount = tail.byteCount
    var first = tail.firstTimestamp
    let isIndexFull = Int64(indexing.entryCount) >= Limits.indexByteCountMax / 8
    for (index, batch) in batches.enumerated() {
      if batch.next_offset - 1 - base > Int64(Int32.max) { return index }
      if byteCount > 0 {
        let isOld = settings.segmentMilliseconds >= 0 && first >= 0
          && batch.max_timestamp &- first > settings.segmentMilliseconds
        if byteCount + Int64(batch.bytes.len) > segmentByteCountMax || isOld || isIndexFull { return index }
      } else {
        first = batch.max_timestamp
      }
      byteCount += Int64(batch.bytes.len)
    }
    return batches.count
  }

  /// Appends batches that need one or more new segments. Blocks.
  private func appendRolling(
    _ batches: UnsafeBufferPointer<chronik_batch>, _ start: SegmentEntry
  ) throws(TierError) {
    let startIndexing = indexing
    var entries = [start]
    var written: [(entry: Int, batches: UnsafeBufferPointer<chronik_batch>)] = []
    var rest = batches
    do throws(TierError) {
      while !rest.isEmpty {
        let last = entries.count - 1
        let count = fits(rest, entries[last].tail, base: entries[last].segment.baseOffset)
        if count > 0 {
          let run = UnsafeBufferPointer(rebasing: rest[..<count])
          guard let file = try openLog(entries[last], nonblocking: false) else { preconditionFailure("blocking") }
          try write(run, file, at: entries[last].tail.byteCount)
          for batch in run { entries[last].tail.add(batch) }
          entries[last].dirtyFile = file
          written.append((last, run))
          rest = UnsafeBufferPointer(rebasing: rest[count...])
        }
        if !rest.isEmpty {
          entries.append(try createSegment(at: rest[0].base_offset))
          indexing = IndexingState()
        }
      }
    } catch {
      indexing = startIndexing
      try undo(entries, start)
      throw error
    }
    indexing = startIndexing
    for index in entries.indices {
      if index > 0 {
        finishIndexes(entries[index - 1], syncing: false)
        indexing = IndexingState()
      }
      var before = entries[index]
      before.tail = index == 0 ? start.tail : SegmentTail(nextOffset: before.segment.baseOffset)
      for run in written where run.entry == index { before.tail = noteAppended(run.batches, to: before) }
    }
    publish(entries, batches)
  }

  private func publish(_ entries: [SegmentEntry], _ batches: UnsafeBufferPointer<chronik_batch>) {
    published.withLock { state in
      let last = state.segments.count - 1
      state.segments[last].tail = entries[0].tail
      if state.segments[last].dirtyFile == nil, state.segments[last].isDirty {
        state.segments[last].dirtyFile = entries[0].dirtyFile
      }
      state.segments.append(contentsOf: entries.dropFirst())
      state.summarizeSealed()
      for batch in batches { state.epochs.note(batch.leader_epoch, at: batch.base_offset) }
    }
  }

  /// Takes back what a failed `appendRolling` did. When that fails too, nothing may be written any more: the bytes
  /// could come back after a crash.
  private func undo(_ entries: [SegmentEntry], _ start: SegmentEntry) throws(TierError) {
    do throws(Errno) {
      for entry in entries.dropFirst().reversed() { try entry.segment.removeFiles(fileSystem) }
      if entries[0].tail.byteCount > start.tail.byteCount, let file = entries[0].dirtyFile {
        try fileSystem.truncate(file.descriptor, to: start.tail.byteCount)
      }
    } catch {
      throw poison("cannot take back a failed append: \(error)")
    }
    published.withLock { $0.failedAppends += 1 }
  }

  /// Writes all batches at `position` of the file. On failure the file ends at `position` again.
  private func write(
    _ batches: UnsafeBufferPointer<chronik_batch>, _ file: OpenFile, at position: Int64
  ) throws(TierError) {
    let failure: Errno? = withUnsafeTemporaryAllocation(
      of: iovec.self, capacity: min(batches.count, Limits.vectorsPerWriteMax)
    ) { vectors in
      do throws(Errno) {
        var next = 0
        var at = position
        while next < batches.count {
          let count = min(vectors.count, batches.count - next)
          for index in 0..<count {
            let bytes = batches[next + index].bytes
            vectors[index] = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.ptr), iov_len: bytes.len)
          }
          at = try writeAll(UnsafeMutableBufferPointer(rebasing: vectors[..<count]), file, at: at)
          next += count
        }
        return nil
      } catch {
        return error
      }
    }
    if let failure { try cutBack(file, to: position, failure) }
  }

  /// Writes the vectors, going on after short writes; changes them. Returns the position behind.
  private func writeAll(
    _ vectors: UnsafeMutableBufferPointer<iovec>, _ file: OpenFile, at position: Int64
  ) throws(Errno) -> Int64 {
    var at = position
    var first = 0
    while first < vectors.count {
      let rest = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(vectors)[first...])
      var count = try fileSystem.write(file.descriptor, rest, at: at)
      at += Int64(count)
      while first < vectors.count, count >= vectors[first].iov_len {
        count -= vectors[first].iov_len
        first += 1
      }
      if count > 0 {
        vectors[first].iov_base += count
        vectors[first].iov_len -= count
      }
    }
    return at
  }

  /// Ends a failed write: the file gets its old size back; a full disk may have room later, everything else is final.
  private func cutBack(_ file: OpenFile, to size: Int64, _ failure: Errno) throws(TierError) {
    do {
      try fileSystem.truncate(file.descriptor, to: size)
    } catch {
      throw poison("write \(file.path): \(failure); then cutting it back to \(size) bytes: \(error)")
    }
    published.withLock { $0.failedAppends += 1 }
    var error = TierError(failure, "write", file.path)
    if error.code == .noSpace {
      let free = fileSystem.freeByteCount(directory).map { " (\($0) bytes free)" } ?? ""
      error.message += free + "; free some space, later appends may succeed"
      throw error
    }
    if error.code == .retriable { throw error }
    throw poison(error.message)
  }

  /// Counts the batches in the segment's description and gives its indexes what is due. Writer only.
  private func noteAppended(_ batches: UnsafeBufferPointer<chronik_batch>, to entry: SegmentEntry) -> SegmentTail {
    var tail = entry.tail
    let base = entry.segment.baseOffset
    for batch in batches {
      let position = tail.byteCount
      tail.add(batch)
      let due = indexing.note(
        lastOffset: batch.next_offset - 1, position: position, byteCount: Int64(batch.bytes.len), base: base,
        tail: tail, interval: settings.indexIntervalBytes)
      guard let due else { continue }
      var isFull = entry.segment.index.append(due.offset)
      if let time = due.time { isFull = entry.segment.timeIndex.append(time) || isFull }
      if isFull { writePendingIndexes(entry.segment) }
    }
    return tail
  }
}
