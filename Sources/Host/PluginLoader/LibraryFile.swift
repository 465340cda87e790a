import Glibc

/// What is looked at before the dynamic linker gets a file. It maps what the program headers promise: a library that
/// was cut short, by a copy that did not finish or a full disk, would kill the process with SIGBUS instead of being
/// refused.
enum LibraryFile {
  /// Sizes and places of System V's ELF for 64 bits; the fields that are read are little-endian.
  private enum ELF {
    static let headerByteCount = 64
    static let entryByteCount = 56
    static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, /* 64 bits */ 2, /* little-endian */ 1]
    static let load: UInt32 = 1
    /// Linkers write about ten.
    static let entryCountMax = 1024
  }

  /// Throws when the file cannot be read or ends before its last segment does. Everything else that may be wrong with a
  /// library is left to the linker, which says so.
  static func check(_ path: String) throws(PluginError) {
    // Nonblocking: opening a FIFO would wait for a writer.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    let end = segmentsEnd(file)
    guard end <= UInt64(status.st_size) else {
      throw .malformed(
        path: path,
        reason: "it was cut short: \(status.st_size) of at least \(end) bytes are there; copy or build it again")
    }
  }

  /// Where the last loaded segment ends in the file; 0 when this is not an ELF file whose headers can be read.
  private static func segmentsEnd(_ file: Int32) -> UInt64 {
    guard let header = bytes(file, at: 0, count: ELF.headerByteCount), header.starts(with: ELF.magic) else { return 0 }
    let table: UInt64 = number(header, at: 32)
    let entryByteCount: UInt16 = number(header, at: 54)
    let entryCount: UInt16 = number(header, at: 56)
    guard entryByteCount == ELF.entryByteCount, entryCount <= ELF.entryCountMax, table < UInt64(Int64.max / 2) else {
      return 0
    }
    var end: UInt64 = 0
    for index in 0..<UInt64(entryCount) {
      let place = table + index * UInt64(ELF.entryByteCount)
      guard let entry = bytes(file, at: Int64(place), count: ELF.entryByteCount) else { return 0 }
      let kind: UInt32 = number(entry, at: 0)
      let (offset, byteCount): (UInt64, UInt64) = (number(entry, at: 8), number(entry, at: 32))
      let (sum, overflows) = offset.addingReportingOverflow(byteCount)
      if kind == ELF.load { end = max(end, overflows ? .max : sum) }
    }
    return end
  }

  private static func bytes(_ file: Int32, at offset: Int64, count: Int) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: count)
    return pread(file, &buffer, count, off_t(offset)) == count ? buffer : nil
  }

  private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) -> Number {
    bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
  }
}
