import Glibc

/// What the command line knows about where its output goes.
enum Terminal {
  /// Colours are for people: a terminal, and NO_COLOR not set (no-color.org).
  static var usesColour: Bool { isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil }
  static var errorUsesColour: Bool { isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == nil }

  /// Writes a line to standard error.
  static func complain(_ text: String) {
    let bytes = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  /// Writes lines to standard output at once, also when that is a pipe; see `put`. The last ends with a newline in any
  /// case.
  static func say(_ text: String) {
    Array((text.hasSuffix("\n") ? text : text + "\n").utf8).withUnsafeBytes { put($0) }
  }

  /// Writes all of `bytes` to standard output. When that is closed or its disk is full, the process ends with
  /// `exitCode`: a part of an answer must not pass for the whole. For commands; nothing of theirs needs an orderly end.
  static func put(_ bytes: UnsafeRawBufferPointer, orEndWith exitCode: Int32 = 1) {
    var rest = bytes
    while !rest.isEmpty {
      let count = write(STDOUT_FILENO, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        // Somebody made the pipe non-blocking; its reader is slow.
        var wanted = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wanted, 1, -1)
        continue
      }
      guard count > 0 else {
        // A reader that has seen enough (`| head`) is no failure to speak of.
        if errno != EPIPE { complain("chronik: cannot write to standard output: \(String(cString: strerror(errno)))") }
        _exit(exitCode)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Writes a line to standard output if that takes it. For the broker, which goes on without.
  static func announce(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
  }

  /// Rows in aligned columns, two spaces apart; the last column is not padded.
  static func table(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
