import Glibc

/// Standard output took less than it was given.
private struct OutputFailure: Error, CustomStringConvertible {
  let code: Int32
  var description: String { "standard output: \(String(cString: strerror(code)))" }

  /// Exit code 1. A reader that has seen enough (`| head`) is no failure to speak of.
  func end() -> Never {
    if code != EPIPE { Terminal.complain("chronik: \(self)") }
    _exit(1)
  }
}

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

  /// Writes a line to standard output at once, also when that is a pipe. What cannot be written ends the program: an
  /// answer that was cut short must not end like one that was given.
  static func say(_ text: String) {
    do throws(OutputFailure) { try put(Array((text.hasSuffix("\n") ? text : text + "\n").utf8)) } catch { error.end() }
  }

  /// As `say`, for a broker that serves: it goes on when nobody reads what it says.
  static func announce(_ text: String) {
    do throws(OutputFailure) { try put(Array((text + "\n").utf8)) } catch { complain("chronik: \(error)") }
  }

  /// Bytes for standard output, all of them. Ends the program as `say` does.
  static func say(bytes: [UInt8]) {
    do throws(OutputFailure) { try put(bytes) } catch { error.end() }
  }

  private static func put(_ bytes: [UInt8]) throws(OutputFailure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw OutputFailure(code: errno) }
      rest = rest.dropFirst(count)
    }
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
