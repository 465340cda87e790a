import Glibc

/// Bounds of the tools, with their reasons.
enum LogToolLimits {
  /// A batch that decompresses to more is named instead of printed.
  static let decompressedByteCountMax = 1 << 30
  /// Checkpoints hold a line per partition; a million of them fit.
  static let textFileByteCountMax = 64 << 20
}

/// One line per entry: `name=value` pairs, or a JSON object.
struct DumpOutput {
  typealias Field = (name: String, value: Value)

  enum Value {
    case integer(Int64)
    case text(String)
    case flag(Bool)
    /// nil is null, which differs from empty.
    case bytes(UnsafeRawBufferPointer?)
  }

  let isJSON: Bool

  func line(_ fields: [Field], indent: Bool = false) {
    if isJSON {
      LogToolOutput.say(
        "{" + fields.map { "\(Self.quoted($0.name)):\(Self.json($0.value))" }.joined(separator: ",") + "}")
    } else {
      LogToolOutput.say(
        (indent ? "  " : "") + fields.map { "\($0.name)=\(Self.plain($0.value))" }.joined(separator: " "))
    }
  }

  private static func plain(_ value: Value) -> String {
    switch value {
    case .integer(let number): "\(number)"
    case .text(let text): text
    case .flag(let flag): "\(flag)"
    case .bytes(let bytes): bytes.map { quoted(String(decoding: $0, as: UTF8.self)) } ?? "null"
    }
  }

  /// Bytes that are UTF-8 become a string, others an object {"base16": …}, so that nothing is lost.
  private static func json(_ value: Value) -> String {
    switch value {
    case .integer(let number): return "\(number)"
    case .text(let text): return quoted(text)
    case .flag(let flag): return "\(flag)"
    case .bytes(nil): return "null"
    case .bytes(let bytes?):
      if let text = String(validating: bytes, as: UTF8.self) { return quoted(text) }
      let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      return "{\"base16\":\"\(digits)\"}"
    }
  }

  /// RFC 8259, section 7.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          let hex = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// Standard output and error of the tools.
enum LogToolOutput {
  /// A closed pipe (`… | head`) ends the program quietly, as for other Unix tools; output that is lost otherwise is an
  /// error.
  static func say(_ text: String) {
    if fputs(text + "\n", stdoutFile) < 0 { endWithoutOutput(errno) }
  }

  static func flush() { if fflush(stdoutFile) != 0 { endWithoutOutput(errno) } }

  /// A full disk is a failure: a part of a dump must not pass for the whole. Not exit(), which would try to write the rest.
  private static func endWithoutOutput(_ code: Int32) -> Never {
    // A reader that has seen enough is told nothing; `verify | head` has not found all good.
    if code == EPIPE { _exit(1) }
    let bytes = Array("chronik: cannot write to standard output: \(String(cString: strerror(code)))\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
    _exit(1)
  }

  static func complain(_ text: String) {
    fflush(stdoutFile)
    let bytes = Array((text + "\n").utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }

  nonisolated(unsafe) private static let stdoutFile: UnsafeMutablePointer<FILE> = {
    guard let file = fdopen(STDOUT_FILENO, "w") else { endWithoutOutput(errno) }
    return file
  }()
}
