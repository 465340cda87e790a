import SegmentFormat
import TierKit

/// What a flush of one partition has to do, captured in one moment: everything up to `end` will be durable.
struct FlushTicket: Sendable {
  struct File: Sendable {
    let file: OpenFile
    let base: Int64
    /// Bytes that survived power loss already when the ticket was made.
    let durable: Int64
    /// What was published of the log then.
    let tail: SegmentTail
    var byteCount: Int64 { tail.byteCount }
  }

  enum Scope {
    /// What does not survive power loss yet.
    case unsafe
    /// What its own file does not keep yet, although the commit log may.
    case unfiled
  }

  let end: Int64
  /// In falling order of their offsets.
  let files: [File]
  let syncsDirectory: Bool
  let truncations: Int
  let releases: Int
  let failedAppends: Int
  /// Whether the commit log may take it.
  let isLoggable: Bool
}

/// Flushing: sync every log that has bytes to flush, and the directory when a file in it is new; only then raise the
/// durable end to the end of before. A flush of many partitions may go through the commit log instead, see
/// ``GroupFlush``.
extension PartitionLog {
  /// Captures what is dirty now; nil when nothing is. Does not block.
  func makeTicket(_ scope: FlushTicket.Scope) throws(TierError) -> FlushTicket? {
    let (ticket, poison) = published.withLock { state -> (FlushTicket?, String?) in
      if let poison = state.poison { return (nil, poison) }
      return (state.makeTicket(scope), nil)
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
      published.withLock { $0.hasFailedSync = true }
      return poison("sync \(item.file.path): \(error)")
    }
  }

  /// Ends a ticket whose files were all synced. Returns the durable end. Throws when a sync beside these failed, whose
  /// error may have been about the same bytes. Blocks when the directory is due.
  func complete(_ ticket: FlushTicket) throws(TierError) -> Int64 {
    if ticket.syncsDirectory {
      do throws(Errno) { try fileSystem.syncDirectory(directory) } catch {
        published.withLock { $0.hasFailedSync = true }
        throw poison("sync \(directory): \(error)")
      }
    }
    let durableEnd = published.withLock { state -> Int64? in
      if state.hasFailedSync { return nil }
      // A truncation beside this flush made its own end durable and replaced files; what was captured means nothing.
      return state.truncations == ticket.truncations ? state.noteFlushed(ticket) : state.durableEnd
    }
    guard let durableEnd else { throw poison("a sync beside this one failed") }
    reserve()
    return durableEnd
  }

  /// Reserves disk blocks ahead of the writer, as every flush does. Blocks.
  package func reserve() {
    guard let (segment, file, size) = published.withLock({ $0.activeReservation }) else { return }
    segment.reserveAhead(
      file, size: size, step: context.configuration.preallocateStep, limit: settings.segmentBytes, context.space)
  }

  /// Ends a ticket that is in the commit log, durably. Returns the durable end. Does not block.
  func completeLogged(_ ticket: FlushTicket) -> Int64 {
    published.withLock { state in
      state.truncations == ticket.truncations ? state.noteLogged(ticket) : state.durableEnd
    }
  }

  /// Flushes this partition alone: afterwards its files keep everything appended before. Blocks.
  package func flush() -> Result<Int64, TierError> {
    do throws(TierError) {
      guard let ticket = try makeTicket(.unfiled) else { return .success(published.withLock { $0.durableEnd }) }
      for item in ticket.files {
        if let error = sync(item) { return .failure(error) }
      }
      return .success(try complete(ticket))
    } catch {
      return .failure(error)
    }
  }
}

/// What a checkpoint of the commit log asks for.
extension PartitionLog {
  /// Syncs what only the commit log keeps, also of a partition that is read-only, unless a sync of its files failed
  /// before: the disk may have forgotten what it could not write then. False when the files do not keep everything.
  /// Blocks.
  func fileAway() -> Bool {
    let (ticket, hasFailedSync) = published.withLock { ($0.makeTicket(.unfiled), $0.hasFailedSync) }
    if hasFailedSync { return false }
    guard let ticket else { return true }
    for item in ticket.files where sync(item) != nil { return false }
    do throws(TierError) { _ = try complete(ticket) } catch { return false }
    return true
  }

  /// Has the dirty bytes written back soon. May block while the disk's queue is full.
  func startWriteback() {
    guard let ticket = published.withLock({ $0.makeTicket(.unfiled) }) else { return }
    for item in ticket.files {
      fileSystem.startWriteback(
        item.file.descriptor, at: item.durable, byteCount: Int(item.byteCount - item.durable))
    }
  }
}

extension LogState {
  /// Captures what is dirty in a sense; nil when nothing is.
  fileprivate func makeTicket(_ scope: FlushTicket.Scope) -> FlushTicket? {
    var files: [FlushTicket.File] = []
    var syncsDirectory = false
    let known = scope == .unsafe ? durableEnd : filedEnd
    for entry in segments.reversed() {
      if entry.tail.nextOffset <= known, entry.tail.byteCount > 0 { break }
      let durable = scope == .unsafe ? entry.safeByteCount : entry.durableByteCount
      guard durable < entry.tail.byteCount, let file = entry.dirtyFile else { continue }
      syncsDirectory = syncsDirectory || !entry.isNameDurable
      files.append(
        FlushTicket.File(
          file: file, base: entry.segment.baseOffset, durable: durable, tail: entry.tail))
    }
    if files.isEmpty { return nil }
    return FlushTicket(
      end: endOffset, files: files, syncsDirectory: syncsDirectory, truncations: truncations, releases: releases,
      failedAppends: failedAppends, isLoggable: failedAppends == settledAppends && !hasFailedSync)
  }

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
    settledAppends = max(settledAppends, ticket.failedAppends)
    durableEnd = max(durableEnd, ticket.end)
    filedEnd = max(filedEnd, filedEnd(of: ticket))
    if filedEnd == ticket.end, let item = ticket.files.first, item.tail.nextOffset == filedEnd {
      filedTail = item.tail.recoveryTail(base: item.base)
    }
    return durableEnd
  }

  /// How far the segment files keep everything, after the files of a ticket were synced: its end, unless a segment
  /// before is only in the commit log.
  private func filedEnd(of ticket: FlushTicket) -> Int64 {
    for entry in segments where entry.segment.baseOffset < ticket.end && entry.isDirty {
      if ticket.files.contains(where: { $0.base == entry.segment.baseOffset }) { continue }
      return entry.segment.baseOffset
    }
    return ticket.end
  }

  fileprivate mutating func noteLogged(_ ticket: FlushTicket) -> Int64 {
    for item in ticket.files {
      guard let index = segments.lastIndex(where: { $0.segment.baseOffset == item.base }) else { continue }
      segments[index].loggedByteCount = min(
        max(segments[index].loggedByteCount, item.byteCount), segments[index].tail.byteCount)
      if index == segments.count - 1 { boundaries.remember(ticket.end, base: item.base, position: item.byteCount) }
    }
    durableEnd = max(durableEnd, ticket.end)
    return durableEnd
  }
}
