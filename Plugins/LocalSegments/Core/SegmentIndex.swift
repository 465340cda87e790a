import SegmentFormat

/// Why a lookup gave no answer.
enum ReadStop: Error {
  /// The call must not wait, and would have to.
  case wouldBlock
  case failed(Errno, path: String)
  /// The bytes at `position` of the file are not what they should be.
  case damaged(String, path: String, position: Int64)

  init(_ errno: Errno, _ path: String) {
    self = errno == .wouldBlock ? .wouldBlock : .failed(errno, path: path)
  }
}

/// One index file of a segment and the entries that are not in it yet.
///
/// Memory is bounded: at most `Limits.unwritableIndexEntriesMax` entries, whatever the file's size; lookups read the
/// file. One thread appends (the partition's writer); lookups run at any time beside it. The lock is never held across
/// I/O. The index is a hint: losing entries makes lookups slower, never wrong.
final class SegmentIndex<Entry: IndexEntry>: Sendable {
  private struct State {
    /// Entries in the file; nil until it was looked at.
    var written: Int?
    var pending: [Entry] = []
    /// The first entry of each block of the file that a lookup has seen: 16 bytes for every 512 entries.
    var samples: [Entry?] = []
  }

  let slot: FileSlot
  private let state: Guarded<State>

  /// `written`: how many entries the file holds, nil for a file that was found and not looked at.
  init(_ slot: FileSlot, written: Int?) {
    self.slot = slot
    state = Guarded(State(written: written))
  }

  /// Entries in file and memory; nil while the file was not looked at.
  var count: Int? { state.withLock { state in state.written.map { $0 + state.pending.count } } }

  // MARK: the writer

  /// Adds an entry in memory; true when `writePending` is due.
  func append(_ entry: Entry) -> Bool {
    state.withLock { state in
      state.pending.append(entry)
      return state.pending.count >= Limits.indexEntriesPerWrite
    }
  }

  /// Moves the entries in memory to the file's end. When that fails they stay, thinned out beyond a bound.
  /// Creates the file if `mode` says so.
  func writePending(_ mode: OpenMode = .creating) throws(Errno) {
    let (entries, written) = state.withLock { ($0.pending, $0.written ?? 0) }
    if entries.isEmpty { return }
    do throws(Errno) {
      let file = try slot.file(mode)
      var bytes = [UInt8](repeating: 0, count: entries.count * Entry.byteCount)
      bytes.withUnsafeMutableBytes { raw in
        for (index, entry) in entries.enumerated() { entry.write(to: raw.baseAddress! + index * Entry.byteCount) }
      }
      try bytes.withUnsafeBytesTyped { (raw) throws(Errno) in
        try file.fileSystem.writeFully(file.descriptor, raw, at: Int64(written * Entry.byteCount))
      }
    } catch {
      thinOut()
      throw error
    }
    state.withLock { state in
      state.written = written + entries.count
      state.pending.removeFirst(entries.count)
    }
  }

  /// Writes what is pending and cuts the file to its entries, then makes both durable if asked.
  func finish(syncing: Bool) throws(Errno) {
    try writePending()
    guard let written = state.withLock({ $0.written }) else { return }
    let file = try slot.file(.creating)
    let size = Int64(written * Entry.byteCount)
    if try file.fileSystem.byteCount(file.descriptor) != size {
      try file.fileSystem.truncate(file.descriptor, to: size)
    }
    if syncing { try file.fileSystem.syncData(file.descriptor) }
  }

  /// Another file has taken the place of the one this index knew; it is looked at when next needed.
  func reload(written: Int?) {
    slot.letGo()
    state.withLock { $0 = State(written: written) }
  }

  /// Takes the first `kept` entries of the file and then `entries` for all there are. What else the file holds does not
  /// count any more and is overwritten in time.
  func replace(with entries: [Entry], behind kept: Int = 0) {
    state.withLock { $0 = State(written: kept, pending: entries) }
  }

  private func thinOut() {
    state.withLock { state in
      guard state.pending.count > Limits.unwritableIndexEntriesMax else { return }
      state.pending = state.pending.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }
  }

  // MARK: lookups

  /// The last entry for which `isAtOrBelow` holds; it must hold for a prefix of all entries.
  func last(cachedOnly: Bool, where isAtOrBelow: (Entry) -> Bool) throws(ReadStop) -> Entry? {
    let (found, written) = state.withLock { state -> (Entry?, Int?) in
      (Self.last(state.pending, where: isAtOrBelow), state.written)
    }
    if let found { return found }
    let file: OpenFile
    if cachedOnly {
      if written == 0 { return nil }
      guard let open = slot.ifOpen() else { throw .wouldBlock }
      file = open
    } else {
      if written == 0 { return nil }
      do { file = try slot.file() } catch { throw ReadStop(error, slot.path) }
    }
    let count = try writtenCount(written, file)
    return try last(in: file, count: count, cachedOnly: cachedOnly, where: isAtOrBelow)
  }

  private func writtenCount(_ known: Int?, _ file: OpenFile) throws(ReadStop) -> Int {
    if let known { return known }
    do {
      let count = try Int(file.fileSystem.byteCount(file.descriptor)) / Entry.byteCount
      return state.withLock { state in
        if state.written == nil { state.written = count }
        return state.written!
      }
    } catch {
      throw ReadStop(error, slot.path)
    }
  }

  /// Finds the block by the first entries of blocks, most of them in memory, then reads and searches that block.
  private func last(
    in file: OpenFile, count: Int, cachedOnly: Bool, where isAtOrBelow: (Entry) -> Bool
  ) throws(ReadStop) -> Entry? {
    let blockEntries = Limits.indexEntriesPerBlock
    var low = 0
    var high = (count + blockEntries - 1) / blockEntries
    while low < high {
      let middle = (low + high) / 2
      if isAtOrBelow(try sample(middle, file, cachedOnly: cachedOnly)) { low = middle + 1 } else { high = middle }
    }
    if low == 0 { return nil }
    let first = (low - 1) * blockEntries
    let entryCount = min(blockEntries, count - first)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: entryCount * Entry.byteCount, alignment: 8)
    defer { buffer.deallocate() }
    try read(file, first, into: buffer, cachedOnly: cachedOnly)
    func entry(_ number: Int) -> Entry {
      Entry(bytes: UnsafeRawPointer(buffer.baseAddress! + number * Entry.byteCount))
    }
    low = 1
    high = entryCount
    while low < high {
      let middle = (low + high) / 2
      if isAtOrBelow(entry(middle)) { low = middle + 1 } else { high = middle }
    }
    return entry(low - 1)
  }

  /// The first entry of a block.
  private func sample(_ block: Int, _ file: OpenFile, cachedOnly: Bool) throws(ReadStop) -> Entry {
    if let known = state.withLock({ block < $0.samples.count ? $0.samples[block] : nil }) { return known }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Entry.byteCount, alignment: 8)
    defer { buffer.deallocate() }
    try read(file, block * Limits.indexEntriesPerBlock, into: buffer, cachedOnly: cachedOnly)
    let entry = Entry(bytes: UnsafeRawPointer(buffer.baseAddress!))
    state.withLock { state in
      while state.samples.count <= block { state.samples.append(nil) }
      state.samples[block] = entry
    }
    return entry
  }

  private func read(
    _ file: OpenFile, _ first: Int, into buffer: UnsafeMutableRawBufferPointer, cachedOnly: Bool
  ) throws(ReadStop) {
    do {
      try file.fileSystem.readFully(
        file.descriptor, at: Int64(first * Entry.byteCount), into: buffer, cachedOnly: cachedOnly)
    } catch {
      throw ReadStop(error, slot.path)
    }
  }

  private static func last(_ entries: [Entry], where isAtOrBelow: (Entry) -> Bool) -> Entry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if isAtOrBelow(entries[middle]) { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : entries[low - 1]
  }
}
