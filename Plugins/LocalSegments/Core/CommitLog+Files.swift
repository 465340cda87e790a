import SegmentFormat
import TierKit

/// Making, freeing and discarding the files. All of it blocks.
extension CommitLog {
  /// Makes the files that are missing: zeros, then a header, durable under their names. Without room on the disk it
  /// does without and tries again later.
  func makeFiles() {
    while true {
      let (number, generation) = writing.withLock { state -> (Int?, UInt64) in
        guard !state.isClosed, state.failure == nil, state.nextAttempt <= host.monotonicNanoseconds else {
          return (nil, 0)
        }
        guard state.files.count < Limits.commitLogFiles else { return (nil, 0) }
        let taken = state.foreign.union(state.files.map(\.number))
        let number = (0..<(taken.count + 1)).first { !taken.contains($0) }
        state.lastGeneration += 1
        return (number, state.lastGeneration)
      }
      guard let number else { return }
      let path = "\(directory)/\(CommitLogFormat.fileName(number))"
      do throws(Errno) {
        let file = try makeFile(path, generation)
        writing.withLock { state in
          state.files.insert(File(file: file, number: number, generation: generation, state: .free), at: 0)
        }
      } catch {
        removeRest(path)
        let isFirst = writing.withLock { state in
          defer { state.nextAttempt = host.monotonicNanoseconds + Limits.commitLogRetryNanoseconds }
          return state.nextAttempt == 0
        }
        if isFirst {
          host.log(
            .warning, "A file of the commit log cannot be made; flushes of many partitions sync every file.",
            [("file", path), ("bytes", String(fileByteCount)), ("error", "\(error)")])
        }
        return
      }
    }
  }

  private func makeFile(_ path: String, _ generation: UInt64) throws(Errno) -> OpenFile {
    guard space.hasRoom(fileByteCount) else { throw .noSpace }
    let file = try OpenFile(path, .replacing, fileSystem)
    let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.scanBufferByteCount, alignment: 4096)
    defer { zeros.deallocate() }
    zeros.initializeMemory(as: UInt8.self, repeating: 0)
    var position: Int64 = 0
    while position < fileByteCount {
      let piece = zeros[..<Int(min(Int64(zeros.count), fileByteCount - position))]
      try fileSystem.writeFully(file.descriptor, UnsafeRawBufferPointer(rebasing: piece), at: position)
      position += Int64(piece.count)
    }
    try writeHeader(file, generation)
    try fileSystem.syncDirectory(directory)
    return file
  }

  func writeHeader(_ file: OpenFile, _ generation: UInt64) throws(Errno) {
    try CommitLogFormat.firstPage(generation: generation).withUnsafeBytesTyped { (raw) throws(Errno) in
      try fileSystem.writeFully(file.descriptor, raw, at: 0)
    }
    try fileSystem.syncData(file.descriptor)
  }

  private func removeRest(_ path: String) {
    do throws(Errno) { try fileSystem.remove(path) } catch {
      if error != .notFound {
        host.log(.warning, "A file of the commit log that could not be made remains.", [("file", path)])
      }
    }
  }

  /// Ends a run: everything is filed, if that is possible, and all files are free. False when a later start has to
  /// replay some.
  func stop() -> Bool {
    checkpoint(includingCurrent: true)
    let isEmpty = writing.withLock { state in
      state.isClosed = true
      let isEmpty = state.failure == nil && state.files.allSatisfy { $0.state == .free }
      state.files = []
      state.entries = [:]
      return isEmpty
    }
    endThreads()
    return isEmpty
  }

  /// Ends as a killed process would: nothing is written any more.
  func abandon() {
    writing.withLock { state in
      state.isClosed = true
      state.files = []
      state.entries = [:]
    }
    endThreads()
  }

  private func endThreads() {
    filing.withLock { hasEnded in
      if !hasEnded { workers.stop() }
      hasEnded = true
    }
  }
}
