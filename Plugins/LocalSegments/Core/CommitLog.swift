import SegmentFormat
import Synchronization
import TierKit

/// The commit log of an instance: makes a flush of many partitions durable with one sync. Appends go to the segment
/// files as ever; the flusher copies what is not durable yet into a preallocated file (`Format/CommitLogFile.swift` has
/// the bytes), syncs that, and the segment files are synced behind it, at checkpoints. Only recovery reads the log.
///
/// A file is **free** (its header names a generation that no entry has), **current** (takes entries), **sealed** (waits
/// for a checkpoint) and free again. Files are freed in the order in which they were sealed, so a release never goes
/// before the entries it is about. Without a free file, a flush first makes a checkpoint itself: that is what keeps a
/// writer from running ahead of the disk.
///
/// Failures. A failed write wastes the rest of its file and the flush syncs its segment files instead. A failed sync is
/// final: the partitions of that flush become read-only, nothing is ever written to the log again, and the files stay
/// for the next start unless every segment file can be synced. A segment file that cannot be synced keeps its file and
/// all later ones for the next start.
///
/// Thread-safe. `writing` orders flushes, releases and the sealing of files, and is held across their I/O; `filing`
/// orders checkpoints. Whoever holds `writing` takes no other lock but those of partitions.
final class CommitLog: @unchecked Sendable {
  struct File {
    let file: OpenFile
    let number: Int
    /// What the header names.
    var generation: UInt64
    var state: State
    /// Partitions with entries in the file.
    var partitions: [PartitionLog] = []

    enum State { case free, current, sealed }
  }

  struct State {
    /// Kept in the order of their generations but for the free ones.
    var files: [File] = []
    /// Byte and number of the next entry of the current file.
    var position: Int64 = 0
    var sequence: UInt64 = 0
    var lastGeneration: UInt64 = 0
    /// Numbers of files that are not ours to use.
    var foreign: Set<Int> = []
    /// The sealed generation before the current one and its number of entries.
    var previous: (generation: UInt64, count: UInt64) = (0, 0)
    /// The last generation with entries of a partition, kept until the file is free.
    var entries: [PartitionID: UInt64] = [:]
    /// Set for good when nothing may be written any more.
    var failure: String?
    /// No files are made: switched off, given up, or stopped.
    var isClosed = false
    /// A file cannot be freed in this run, nor any sealed after it.
    var isStuck = false
    /// When making files may be tried again, in monotonic nanoseconds; 0 while it never failed.
    var nextAttempt: Int64 = 0
    var buffer: UnsafeMutableRawBufferPointer?
  }

  let directory: String
  let fileSystem: any FileSystem
  let host: HostServices
  let fileByteCount: Int64
  let openFilesMax: Int
  let space: SpaceReserve
  let writing = Guarded(State())
  /// Held by a checkpoint. The value says whether the threads have ended.
  let filing = Guarded(false)
  let workers: WorkerPool
  private let isQueued = Atomic<Bool>(false)

  init(
    directory: String, fileSystem: any FileSystem, host: HostServices, configuration: Configuration,
    space: SpaceReserve
  ) {
    self.directory = directory
    self.space = space
    self.fileSystem = fileSystem
    self.host = host
    let page = Int64(CommitLogFormat.pageByteCount)
    fileByteCount = max(2 * page, configuration.commitLogByteCount / Int64(Limits.commitLogFiles) / page * page)
    openFilesMax = max(16, configuration.openFilesMax / 2)
    workers = WorkerPool(threadCount: min(configuration.flushThreads, Limits.checkpointThreadsMax))
    writing.withLock { $0.isClosed = !configuration.usesCommitLog }
  }

  deinit { writing.withLock { $0.buffer?.deallocate() } }

  /// Takes over the files that recovery left free.
  func begin(_ found: CommitLogReplay.Outcome) {
    writing.withLock { state in
      state.files = found.files
      state.lastGeneration = found.lastGeneration
      state.foreign = found.foreign
    }
  }

  /// Whether a flush may try. Before there are files it has some made.
  var isUsable: Bool { writing.withLock { !$0.isClosed && $0.failure == nil } }

  // MARK: releases

  /// Whether a crash now could bring back entries of this partition.
  func hasEntries(_ id: PartitionID) -> Bool { writing.withLock { $0.entries[id] != nil } }

  /// Makes sure, durably, that no entry written so far for a segment of this partition that begins below `offset` is
  /// ever replayed. Before files are removed or replaced. Blocks. Throws when the log cannot be written.
  func release(_ id: PartitionID, below offset: Int64) throws(TierError) {
    for attempt in 0..<2 {
      let outcome = writing.withLock { $0.entries[id] == nil ? .done : writeRelease(&$0, id, offset) }
      switch outcome {
      case .done: return
      case .failed(let reason):
        throw TierError(.permanent, "the commit log in \(directory) cannot take a release: \(reason)")
      case .full:
        if attempt == 0 { checkpoint(includingCurrent: true) }
      }
    }
    throw TierError(.retriable, "the commit log in \(directory) is full and cannot be emptied")
  }

  /// Releases a partition that is being deleted; no checkpoint asks for its files any more.
  func forget(_ id: PartitionID) throws(TierError) {
    try release(id, below: .max)
    writing.withLock { state in
      for index in state.files.indices { state.files[index].partitions.removeAll { $0.id == id } }
    }
  }

  private enum ReleaseOutcome { case done, full, failed(String) }

  private func writeRelease(_ state: inout State, _ id: PartitionID, _ offset: Int64) -> ReleaseOutcome {
    if let failure = state.failure { return .failed(failure) }
    let name = Array(id.topic.utf8.prefix(255))
    let need = CommitLogFormat.entryByteCount(name: name.count, data: 0) + CommitLogFormat.pageByteCount
    guard var writer = makeWriter(&state, need: need) else { return .full }
    writer.add(.release, id, name, baseOffset: offset)
    return switch finish(&state, writer) {
    case .synced: .done
    case .notWritten: .full
    case .failed(let reason): .failed(reason)
    }
  }

  // MARK: writing, under the lock

  /// A writer behind the last entry, on a file with room for `need` bytes and a page of padding; nil when there is
  /// none.
  func makeWriter(_ state: inout State, need: Int) -> CommitLogWriter? {
    guard state.failure == nil, !state.files.isEmpty else { return nil }
    if !state.files.contains(where: { $0.state == .current }) || fileByteCount - state.position < Int64(need) {
      guard Int64(need) <= fileByteCount - 2 * Int64(CommitLogFormat.pageByteCount), rotate(&state) else { return nil }
    }
    let current = state.files[state.files.count - 1]
    if state.buffer == nil { state.buffer = .allocate(byteCount: Limits.commitLogBufferByteCount, alignment: 4096) }
    var writer = CommitLogWriter(
      file: current.file, buffer: state.buffer!, generation: current.generation, position: state.position,
      sequence: state.sequence)
    if state.sequence == 0 { writer.begin(previous: state.previous) }
    return writer
  }

  /// Seals the current file and makes a free one current; false when there is none.
  ///
  /// Replay goes by generations, so files must be used in their order: of the free ones the lowest comes first. One
  /// that stayed behind those in use, because it was being made meanwhile, waits for a checkpoint, which raises it.
  private func rotate(_ state: inout State) -> Bool {
    let used = state.files.reduce(0) { $1.state == .free ? $0 : max($0, $1.generation) }
    for index in state.files.indices where state.files[index].state == .free && state.files[index].generation < used {
      state.files[index].state = .sealed
    }
    let free = state.files.indices.filter { state.files[$0].state == .free }
      .min { state.files[$0].generation < state.files[$1].generation }
    guard let free else { return false }
    sealCurrent(&state)
    var file = state.files.remove(at: free)
    file.state = .current
    state.files.append(file)
    state.position = Int64(CommitLogFormat.pageByteCount)
    state.sequence = 0
    return true
  }

  /// The current file takes no more entries.
  func sealCurrent(_ state: inout State) {
    guard let index = state.files.firstIndex(where: { $0.state == .current }) else { return }
    state.files[index].state = .sealed
    state.previous = (state.files[index].generation, state.sequence)
  }

  enum WriteOutcome { case synced, notWritten, failed(String) }

  /// Ends what a writer wrote with padding and the one sync.
  func finish(_ state: inout State, _ writer: consuming CommitLogWriter) -> WriteOutcome {
    writer.pad()
    guard writer.writeOut() else {
      // What was written in part must not be written over with something else: the rest of the file is given up.
      host.log(
        .warning, "The commit log could not be written; segment files are synced one by one.",
        [("file", writer.file.path), ("error", "\(writer.failure ?? .inputOutput)")])
      sealCurrent(&state)
      return .notWritten
    }
    do throws(Errno) {
      try fileSystem.syncData(writer.file.descriptor)
    } catch {
      let reason = "sync \(writer.file.path): \(error)"
      state.failure = reason
      host.log(
        .error, "The commit log is given up because the disk failed; segment files are synced one by one.",
        [("file", writer.file.path), ("error", "\(error)")])
      return .failed(reason)
    }
    state.position = writer.end
    state.sequence = writer.sequence
    return .synced
  }

  // MARK: work in the background

  /// Has files made, or a checkpoint, on the host's pool, when it is time. Does not block.
  func workIfDue() {
    let isDue = writing.withLock { state in
      if state.isClosed || state.isStuck { return false }
      if state.failure != nil || state.entries.count > openFilesMax { return true }
      let isIncomplete = state.files.count < Limits.commitLogFiles && state.nextAttempt <= host.monotonicNanoseconds
      return isIncomplete || state.files.contains { $0.state == .sealed }
    }
    guard isDue, !isQueued.exchange(true, ordering: .acquiring) else { return }
    let isAccepted = host.runBlocking { [self] in
      work()
      isQueued.store(false, ordering: .releasing)
    }
    if !isAccepted { isQueued.store(false, ordering: .releasing) }
  }

  private func work() {
    let (isIncomplete, hasFailed, isCrowded) = writing.withLock { state in
      (
        state.files.count < Limits.commitLogFiles && state.failure == nil, state.failure != nil,
        state.entries.count > openFilesMax
      )
    }
    if isIncomplete { makeFiles() }
    checkpoint(includingCurrent: hasFailed || isCrowded)
  }
}
