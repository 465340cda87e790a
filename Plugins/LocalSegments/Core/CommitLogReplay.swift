import KafkaRecords
import SegmentFormat
import TierKit

/// Brings what only the commit log keeps back into the segment files, before any partition is opened.
///
///  1. Read the headers; a file without one holds nothing.
///  2. Walk over the entries of all files, in the order of generations, and note where each stands. The first entry
///     that is not whole ends its file, with one log line. A release forgets what was noted for its partition before.
///  3. Per segment, in parallel: write the bytes at their position where the file is shorter or differs, then sync it.
///     Bytes that are whole batches and differ are newer than the entry: they stay, and the entry is reported.
///  4. Sync the directories of files whose names may not be durable, then raise all generations: the log is empty.
///
/// Doing it twice changes nothing. Any failure of the disk ends the start with the log as it was. Memory: about 40
/// bytes for each entry of at least 100, so a small part of the log's size.
struct CommitLogReplay {
  let directory: DataDirectory
  let workers: WorkerPool
  let buffers: BufferPool
  /// Files of another size are not used again.
  let fileByteCount: Int64
  /// Directories by what their metadata says.
  let partitions: [DataDirectory.Found]
  /// Directories in use whose metadata cannot be read; entries are matched by name.
  let unreadable: [String]

  var fileSystem: any FileSystem { directory.fileSystem }

  struct Opened {
    let file: OpenFile
    let number: Int
    let byteCount: Int64
    /// nil: a file that was being made, or none of ours.
    var generation: UInt64?
    var isBlank = false
  }

  /// Where the data of an entry stands.
  struct Location {
    let file: Int
    let dataStart: Int64
    let position: Int64
    let count: Int
  }

  struct SegmentKey: Hashable {
    let directory: String
    let base: Int64
  }

  struct Outcome {
    var files: [CommitLog.File] = []
    var lastGeneration: UInt64 = 0
    /// Numbers of files without a header of ours.
    var foreign: Set<Int> = []
  }

  /// `isVoid`: after a clean stop nothing in the log counts, whoever used the directory since. `keepsFiles`: whether
  /// the log is used in this run.
  func run(isVoid: Bool, keepsFiles: Bool) throws(TierError) -> Outcome {
    let opened = try open()
    if !isVoid { try replay(opened) }
    return try empty(opened, keepsFiles: keepsFiles)
  }

  // MARK: 1

  private func open() throws(TierError) -> [Opened] {
    var opened: [Opened] = []
    for entry in try naming("list", directory.path, { () throws(Errno) in try fileSystem.list(directory.path) }) {
      guard !entry.isDirectory, let number = CommitLogFormat.parse(fileName: entry.name) else { continue }
      opened.append(try open(directory.file(entry.name), number))
    }
    return opened.sorted { ($0.generation ?? 0, $0.number) < ($1.generation ?? 0, $1.number) }
  }

  private func open(_ path: String, _ number: Int) throws(TierError) -> Opened {
    let (found, header) = try naming("read", path) { () throws(Errno) -> (Opened, CommitLogFormat.Header) in
      let file = try OpenFile(path, .existing, fileSystem)
      let size = try fileSystem.byteCount(file.descriptor)
      let header = try CommitLogReader(ShortSource(file: file), byteCount: size).header
      return (Opened(file: file, number: number, byteCount: size), header)
    }
    var opened = found
    switch header {
    case .generation(let generation): opened.generation = generation
    case .blank: opened.isBlank = true
    case .otherVersion(let version):
      throw TierError(
        .permanent, "\(path): a commit log of version \(version), which this program cannot read; start the one that "
          + "wrote it, and stop it cleanly first")
    case .none:
      directory.host.log(
        .error, "A file has the name of a commit log and no header of one; it is not read and left alone.",
        [("file", path), ("bytes", String(found.byteCount))])
    }
    return opened
  }

  // MARK: 2

  private func replay(_ opened: [Opened]) throws(TierError) {
    var noted: [SegmentKey: [Location]] = [:]
    var counts: [UInt64: UInt64] = [:]
    var names = Names(self)
    for (index, file) in opened.enumerated() {
      guard let generation = file.generation else { continue }
      try naming("read", file.file.path) { () throws(Errno) in
        let reader = try CommitLogReader(ShortSource(file: file.file), byteCount: file.byteCount)
        walk: while true {
          switch try reader.next() {
          case .entry(let entry, let bytes, let position):
            note(entry, bytes, Location(
              file: index, dataStart: position + Int64(entry.dataStart), position: entry.position,
              count: entry.dataByteCount), counts, &names, &noted)
          case .end: break walk
          case .damage(let damage, let position):
            report(file, position, damage.description)
            break walk
          }
        }
        counts[generation] = reader.entryCount
      }
    }
    try write(noted, opened)
    if names.unknownCount > 0 {
      directory.host.log(
        .info, "Entries of the commit log belong to partitions that are not here any more.",
        [("count", String(names.unknownCount))])
    }
  }

  private func report(_ file: Opened, _ position: Int64, _ reason: String) {
    directory.host.log(
      .warning, "The commit log is not read beyond an entry that is not whole.",
      [("file", file.file.path), ("byte", String(position)), ("reason", reason)])
  }

  private func note(
    _ entry: CommitLogEntry, _ bytes: UnsafeRawBufferPointer, _ location: Location, _ counts: [UInt64: UInt64],
    _ names: inout Names, _ noted: inout [SegmentKey: [Location]]
  ) {
    switch entry.kind {
    case .padding: return
    case .begin:
      let (generation, count) = (UInt64(bitPattern: entry.baseOffset), UInt64(bitPattern: entry.position))
      if let found = counts[generation], found < count {
        directory.host.log(
          .error, "Entries of the commit log are lost; the disk changed or lost what it had confirmed.",
          [("generation", String(generation)), ("found", String(found)), ("written", String(count))])
      }
    case .data:
      guard entry.baseOffset >= 0, entry.position >= 0, entry.position <= Limits.segmentByteCountMax,
        let name = names.directory(of: entry, bytes)
      else { return }
      noted[SegmentKey(directory: name, base: entry.baseOffset), default: []].append(location)
    case .release:
      guard let name = names.directory(of: entry, bytes) else { return }
      for key in noted.keys where key.directory == name && key.base < entry.baseOffset { noted[key] = nil }
    }
  }

  /// Which directory an entry is about.
  private struct Names {
    private var known: [PartitionID: String] = [:]
    private let unreadable: Set<String>
    private(set) var unknownCount = 0

    init(_ replay: CommitLogReplay) {
      for found in replay.partitions { known[found.id] = found.name }
      unreadable = Set(replay.unreadable)
    }

    mutating func directory(of entry: CommitLogEntry, _ bytes: UnsafeRawBufferPointer) -> String? {
      let id = PartitionID(topic: "", topicID: entry.topicID, partition: entry.partition)
      if let name = known[id] { return name }
      let raw = bytes[CommitLogFormat.entryHeaderByteCount..<entry.dataStart]
      let name = PartitionDirectoryName.format(
        topic: String(decoding: raw, as: UTF8.self), partition: entry.partition)
      if unreadable.contains(name) { return name }
      unknownCount += 1
      return nil
    }
  }

  // MARK: 3

  private func write(_ noted: [SegmentKey: [Location]], _ opened: [Opened]) throws(TierError) {
    let segments = noted.sorted { ($0.key.directory, $0.key.base) < ($1.key.directory, $1.key.base) }
    var results = [Result<Bool, TierError>](repeating: .success(false), count: segments.count)
    results.withUnsafeMutableBufferPointer { slots in
      // Each index is written by the one thread that replays it.
      nonisolated(unsafe) let slots = slots
      workers.run(segments.count) { index in
        let segment = SegmentReplay(
          path: directory.file(segments[index].key.directory) + "/"
            + SegmentFileName.format(segments[index].key.base, .log),
          fileSystem: fileSystem, host: directory.host, buffers: buffers)
        do throws(TierError) {
          slots[index] = .success(try segment.run(segments[index].value, opened.map(\.file)))
        } catch {
          slots[index] = .failure(error)
        }
      }
    }
    var changed: Set<String> = []
    for (segment, result) in zip(segments, results) where try result.get() { changed.insert(segment.key.directory) }
    for name in changed.sorted() {
      let path = directory.file(name)
      try naming("sync", path) { () throws(Errno) in try fileSystem.syncDirectory(path) }
    }
  }

  // MARK: 4

  /// Oldest generation first, so that a release outlives what it is about.
  private func empty(_ opened: [Opened], keepsFiles: Bool) throws(TierError) -> Outcome {
    var outcome = Outcome(lastGeneration: opened.last?.generation ?? 0)
    for found in opened {
      if found.generation == nil, !found.isBlank {
        outcome.foreign.insert(found.number)
        continue
      }
      guard found.generation != nil, keepsFiles, found.byteCount == fileByteCount,
        outcome.files.count < Limits.commitLogFiles
      else {
        try naming("remove", found.file.path) { () throws(Errno) in
          try fileSystem.remove(found.file.path)
          try fileSystem.syncDirectory(directory.path)
        }
        continue
      }
      outcome.lastGeneration += 1
      let page = CommitLogFormat.firstPage(generation: outcome.lastGeneration)
      try naming("empty", found.file.path) { () throws(Errno) in
        try page.withUnsafeBytesTyped { (raw) throws(Errno) in
          try fileSystem.writeFully(found.file.descriptor, raw, at: 0)
        }
        try fileSystem.syncData(found.file.descriptor)
      }
      outcome.files.append(
        CommitLog.File(
          file: found.file, number: found.number, generation: outcome.lastGeneration, state: .free))
    }
    return outcome
  }
}

/// A file that may end before what is asked for.
struct ShortSource: ByteSource {
  let file: OpenFile

  func read(at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    var done = 0
    while done < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
      let count = try file.fileSystem.read(
        file.descriptor, at: position + Int64(done), into: rest, cachedOnly: false)
      if count == 0 { break }
      done += count
    }
    return done
  }
}
