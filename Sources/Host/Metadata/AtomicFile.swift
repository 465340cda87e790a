import CHostSupport
import Glibc

/// Small files that are replaced as a whole: after a crash there is the old content or the new one, never a mixture.
/// Everything here blocks.
enum AtomicFile {
  /// Puts `bytes` in the place of the file, durably: draft, fsync, rename, fsync of the directory.
  ///
  /// The file has its old content when this throws, except with `notDurable`: then it has the new one.
  static func write(_ bytes: [UInt8], to path: String) throws(DataDirectory.Failure) {
    let draft = path + ".tmp"
    let file = try openDraft(bytes, draft)
    let hasFailed = fsync(file) != 0
    let failure = DataDirectory.Failure.io(path: draft, operation: "fsync", errno: errno)
    Glibc.close(file)
    if hasFailed {
      unlink(draft)
      throw failure
    }
    guard rename(draft, path) == 0 else { throw .io(path: path, operation: "rename", errno: errno) }
    do throws(DataDirectory.Failure) { try syncDirectory(of: path) } catch {
      guard case .io(_, _, let code) = error else { throw error }
      throw .notDurable(path: path, errno: code)
    }
  }

  /// Replaces many files of one directory, durably. Every step is done for all of them before the next one begins, so
  /// that the file system commits each step at once and not each file. Returns the failures, each with its place in the
  /// list; a file that failed has its old content, or the new one when the fsync of the directory is what failed.
  static func write(
    _ files: [(bytes: [UInt8], path: String)], in directory: String
  ) -> [(index: Int, DataDirectory.Failure)] {
    var failures: [(index: Int, DataDirectory.Failure)] = []
    for start in stride(from: 0, to: files.count, by: filesAtOnceMax) {
      var drafts: [(index: Int, file: Int32)] = []
      for index in start..<min(files.count, start + filesAtOnceMax) {
        do throws(DataDirectory.Failure) {
          drafts.append((index, try openDraft(files[index].bytes, files[index].path + ".tmp")))
        } catch {
          failures.append((index, error))
        }
      }
      // Write-back of all of them first: the first fsync then commits what all need.
      for draft in drafts { chostsupport_start_writeback(draft.file) }
      for (index, file) in drafts {
        let path = files[index].path
        let hasFailed = fsync(file) != 0
        let failure = DataDirectory.Failure.io(path: path + ".tmp", operation: "fsync", errno: errno)
        Glibc.close(file)
        if hasFailed {
          unlink(path + ".tmp")
          failures.append((index, failure))
        } else if rename(path + ".tmp", path) != 0 {
          failures.append((index, .io(path: path, operation: "rename", errno: errno)))
        }
      }
      do throws(DataDirectory.Failure) { try syncDirectory(of: directory + "/") } catch {
        failures += drafts.map { ($0.index, error) }
      }
    }
    return failures
  }

  /// Descriptors that writing many files holds at a time.
  private static let filesAtOnceMax = 256

  /// A file with these bytes, not synced.
  private static func openDraft(_ bytes: [UInt8], _ draft: String) throws(DataDirectory.Failure) -> Int32 {
    let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .io(path: draft, operation: "open", errno: errno) }
    do throws(DataDirectory.Failure) { try writeAll(bytes, file, draft) } catch {
      Glibc.close(file)
      unlink(draft)
      throw error
    }
    return file
  }

  /// The content, or nil when there is no such file. At most `byteCountMax` bytes are read; a larger file is refused.
  static func read(_ path: String, byteCountMax: Int) throws(DataDirectory.Failure) -> [UInt8]? {
    // Without O_NONBLOCK a FIFO would wait for somebody who writes to it.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if file < 0, errno == ENOENT { return nil }
    guard file >= 0 else { throw .io(path: path, operation: "open", errno: errno) }
    defer { Glibc.close(file) }
    if let code = refusal(of: file) { throw .io(path: path, operation: "reading it as a file", errno: code) }
    let size = Int(lseek(file, 0, SEEK_END))
    guard size >= 0, lseek(file, 0, SEEK_SET) == 0 else { throw .io(path: path, operation: "lseek", errno: errno) }
    guard size <= byteCountMax else { throw .io(path: path, operation: "read", errno: EFBIG) }
    var bytes = [UInt8](repeating: 0, count: size)
    var filled = 0
    while filled < size {
      let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + filled, size - filled) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .io(path: path, operation: "read", errno: errno) }
      if count == 0 { return Array(bytes[..<filled]) }
      filled += count
    }
    return bytes
  }

  /// Why an open file cannot be read from any place in it: only regular ones can. nil: it can.
  static func refusal(of file: Int32) -> Int32? {
    var status = stat()
    guard fstat(file, &status) == 0 else { return errno }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: EISDIR
    default: ESPIPE
    }
  }

  /// Removes the file; fine when there is none. The removal is durable when the directory is flushed the next time.
  static func remove(_ path: String) throws(DataDirectory.Failure) {
    guard unlink(path) == 0 || errno == ENOENT else { throw .io(path: path, operation: "unlink", errno: errno) }
  }

  private static func writeAll(_ bytes: [UInt8], _ file: Int32, _ path: String) throws(DataDirectory.Failure) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .io(path: path, operation: "write", errno: errno) }
      written += count
    }
  }

  private static func syncDirectory(of path: String) throws(DataDirectory.Failure) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { throw .io(path: directory, operation: "open", errno: errno) }
    defer { Glibc.close(handle) }
    guard fsync(handle) == 0 else { throw .io(path: directory, operation: "fsync", errno: errno) }
  }
}
