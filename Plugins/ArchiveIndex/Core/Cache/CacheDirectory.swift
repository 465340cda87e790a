import ArchiveFormat
import Glibc

/// The directory of what can be fetched again: parts of objects (`*.part`) and the hot parts at their ends (`*.tail`).
/// Nothing in it is trusted without its own checksum, nothing is synced, and no failure is more than a slower read.
package struct CacheDirectory: Sendable {
  let path: String

  package init(_ path: String) { self.path = path }

  static let partSuffix = ".part"
  static let tailSuffix = ".tail"

  /// Makes the directory and removes the parts of an earlier run, whose pages nobody remembers. False: no cache.
  func prepare() -> Bool {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { return false }
    for name in names() where name.hasSuffix(Self.partSuffix) { unlink("\(path)/\(name)") }
    return true
  }

  /// The name of a file for an object: its own name with the topic's left out, which may be too long for a file.
  func file(_ name: ObjectName, _ suffix: String) -> String {
    let id = name.topicID.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }
    let last = name.path.split(separator: "/").last ?? ""
    return "\(path)/\(id.joined())-\(name.partition)-\(last.dropLast(ObjectName.suffix.count))\(suffix)"
  }

  func names() -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var result: [String] = []
    while let entry = readdir(directory) {
      let capacity = MemoryLayout.size(ofValue: entry.pointee.d_name)
      result.append(
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: capacity) { String(cString: $0) }
        })
    }
    return result
  }

  // MARK: whole small files

  /// Nil when there is none or it cannot be read.
  func load(_ file: String) -> [UInt8]? {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size <= Limits.tailFileByteCountMax else { return nil }
    let count = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      done = 0
      while done < count {
        let size = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(done))
        if size <= 0 { return }
        done += size
      }
    }
    return bytes.count == count ? bytes : nil
  }

  /// False when the file could not be written whole; then there is none.
  func save(_ file: String, _ bytes: [UInt8]) -> Bool {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    if written == bytes.count { return true }
    unlink(file)
    return false
  }

  func byteCount(_ file: String) -> Int? {
    var status = stat()
    return stat(file, &status) == 0 ? Int(status.st_size) : nil
  }

  func remove(_ file: String) { unlink(file) }
}
