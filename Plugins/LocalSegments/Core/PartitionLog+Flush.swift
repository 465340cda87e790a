import SegmentFormat
import TierKit

/// What a flush of one partition has to do, captured in one moment: everything up to `end` will be durable.
struct FlushTicket: Sendable {
  struct File: Sendable {
    let file: OpenFile
    let base: Int64
    /// Published bytes of the log when the ticket was made.
    let byteCount: Int64
  }

  let end: Int64
  let files: [File]
  let syncsDirectory: Bool
  let truncations: Int
}

/// Flushing: sync every log that has bytes to flush, and the directory when a file in it is new; only then raise the
/// durable end to the end of before.
extension PartitionLog {
  /// Captures what is dirty now; nil when nothing is. Does not block.
  func makeTicket() throws(TierError) -> FlushTicket? {
    let (ticket, poison) = published.withLock { state -> (FlushTicket?, String?) in
      if let poison = state.poison { return (nil, poison) }
      var files: [FlushTicket.File] = []
      var syncsDirectory = false
      for entry in state.segments.reversed() {
        if !entry.isDirty {
          if entry.tail.byteCount > 0 { break }
          continue
        }
        syncsDirectory = syncsDirectory || !entry.isNameDurable
        if entry.durableByteCount < entry.tail.byteCount, let file = entry.dirtyFile {
          files.append(
            FlushTicket.File(file: file, base: entry.segment.baseOffset, byteCount: entry.tail.byteCount))
        }
      }
      if files.isEmpty, !syncsDirectory { return (nil, nil) }
      let ticket = FlushTicket(
        end: state.endOffset, files: files, syncsDirectory: syncsDirectory, truncations: state.truncations)
      return (ticket, nil)
    }
    if let poison { throw TierError(.permanent, "\(name) is read-only: \(poison)") }
    return ticket
  }

  /// Syncs one file of a ticket. Blocks; from any thread.
  func sync(_ item: FlushTicket.File) -> TierError? {
    do throws(Errno) {
      try fileSystem.syncData(item.file.descriptor)
      return nil
    } catch {
      return poison("sync \(item.file.path): \(error)")
    }
  }

  /// Ends a ticket whose files were all synced. Returns the durable end. Blocks when the directory is due.
  func complete(_ ticket: FlushTicket) throws(TierError) -> Int64 {
    if ticket.syncsDirectory {
      do throws(Errno) { try fileSystem.syncDirectory(directory) } catch {
        throw poison("sync \(directory): \(error)")
      }
    }
    let durableEnd = published.withLock { state -> Int64 in
      // A truncation beside this flush made its own end durable and replaced files; what was captured means nothing.
      state.truncations == ticket.truncations ? state.noteFlushed(ticket) : state.durableEnd
    }
    reserve()
    return durableEnd
  }

  /// Reserves disk blocks ahead of the writer, as every flush does. Blocks.
  package func reserve() {
    guard let (segment, file, size) = published.withLock({ $0.activeReservation }) else { return }
    segment.reserveAhead(
      file, size: size, step: context.configuration.preallocateStep, limit: settings.segmentBytes)
  }

  /// Flushes this partition alone. Blocks.
  package func flush() -> Result<Int64, TierError> {
    do throws(TierError) {
      guard let ticket = try makeTicket() else { return .success(published.withLock { $0.durableEnd }) }
      for item in ticket.files {
        if let error = sync(item) { return .failure(error) }
      }
      return .success(try complete(ticket))
    } catch {
      return .failure(error)
    }
  }
}

extension LogState {
  /// The active segment's file and size while it has bytes the file was kept open for.
  fileprivate var activeReservation: (Segment, OpenFile, Int64)? {
    let entry = segments[segments.count - 1]
    guard entry.tail.byteCount >= Limits.preallocationStart, let file = entry.dirtyFile ?? entry.segment.log.ifOpen()
    else { return nil }
    return (entry.segment, file, entry.tail.byteCount)
  }

  fileprivate mutating func noteFlushed(_ ticket: FlushTicket) -> Int64 {
    for item in ticket.files {
      guard let index = segments.lastIndex(where: { $0.segment.baseOffset == item.base }) else { continue }
      // A segment that was replaced beside the flush may be smaller now, and is durable.
      segments[index].durableByteCount = min(
        max(segments[index].durableByteCount, item.byteCount), segments[index].tail.byteCount)
      if ticket.syncsDirectory { segments[index].isNameDurable = true }
      if !segments[index].isDirty { segments[index].dirtyFile = nil }
      if index == segments.count - 1 { boundaries.remember(ticket.end, base: item.base, position: item.byteCount) }
    }
    durableEnd = max(durableEnd, ticket.end)
    return durableEnd
  }
}

/// Flushes of many partitions at once.
struct GroupFlush {
  let workers: WorkerPool

  /// One result for each partition, in order. Files of all partitions are synced in parallel. Blocks.
  func run(_ logs: [PartitionLog]) -> [Result<Int64, TierError>] {
    if logs.count == 1 { return [logs[0].flush()] }
    var results: [Result<Int64, TierError>] = []
    var tickets: [(partition: Int, ticket: FlushTicket)] = []
    var items: [(partition: Int, file: FlushTicket.File)] = []
    for (index, log) in logs.enumerated() {
      do throws(TierError) {
        guard let ticket = try log.makeTicket() else {
          results.append(.success(log.published.withLock { $0.durableEnd }))
          continue
        }
        results.append(.success(-1))
        tickets.append((index, ticket))
        items.append(contentsOf: ticket.files.map { (index, $0) })
      } catch {
        results.append(.failure(error))
      }
    }
    for (index, error) in sync(items, logs) { results[index] = .failure(error) }
    finish(tickets, logs, &results)
    return results
  }

  private func sync(
    _ items: [(partition: Int, file: FlushTicket.File)], _ logs: [PartitionLog]
  ) -> [(Int, TierError)] {
    var errors = [TierError?](repeating: nil, count: items.count)
    errors.withUnsafeMutableBufferPointer { slots in
      // Each index is written by the one thread that syncs it.
      nonisolated(unsafe) let slots = slots
      workers.run(items.count) { slots[$0] = logs[items[$0].partition].sync(items[$0].file) }
    }
    return zip(items, errors).compactMap { item, error in error.map { (item.partition, $0) } }
  }

  private func finish(
    _ tickets: [(partition: Int, ticket: FlushTicket)], _ logs: [PartitionLog],
    _ results: inout [Result<Int64, TierError>]
  ) {
    results.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      func finish(_ index: Int, _ ticket: FlushTicket) {
        if case .failure = slots[index] { return }
        do throws(TierError) {
          slots[index] = .success(try logs[index].complete(ticket))
        } catch {
          slots[index] = .failure(error)
        }
      }
      for (index, ticket) in tickets where !ticket.syncsDirectory { finish(index, ticket) }
      let slow = tickets.filter(\.ticket.syncsDirectory)
      workers.run(slow.count) { finish(slow[$0].partition, slow[$0].ticket) }
    }
  }
}
