/// The text of a configuration file, checked to be plain UTF-8 and cut into lines.
///
/// Lines end where YAML ends them: CR LF, LF, CR, U+0085, U+2028 and U+2029.
public struct SourceText: Sendable, Equatable {
  public let file: String
  public let lines: [String]
  /// The UTF-8 bytes without a byte order mark.
  let bytes: [UInt8]

  /// Refuses files above the size bound, bytes that are not UTF-8, and control characters.
  public init(file: String, bytes: [UInt8]) throws(ConfigurationError) {
    self.file = file
    let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    self.bytes = hasMark ? Array(bytes.dropFirst(3)) : bytes
    guard bytes.count <= ConfigurationLimits.fileBytesMax else {
      throw Self.refusal(
        file, nil, "the file has \(bytes.count) bytes",
        expected: "a configuration of at most \(ByteSize.text(Int64(ConfigurationLimits.fileBytesMax)))")
    }
    var scanner = SourceScanner(bytes: self.bytes)
    switch scanner.scan() {
    case .clean: self.lines = scanner.lines
    case .invalidUTF8(let byte, let position):
      let hint = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) ? " (it looks like UTF-16)" : ""
      throw Self.refusal(
        file, position, "byte \(Self.hexadecimal(UInt32(byte))) is not UTF-8\(hint)", expected: "a file saved as UTF-8")
    case .controlCharacter(let scalar, let position):
      throw Self.refusal(
        file, position, "the control character U+\(Self.padded(scalar.value)) is not allowed in YAML",
        expected: "printable text, spaces, tabs and line breaks")
    }
  }

  private static func refusal(
    _ file: String, _ position: SourcePosition?, _ message: String, expected: String
  ) -> ConfigurationError {
    ConfigurationError(diagnostics: [
      ConfigurationDiagnostic(
        file: file, line: position?.line ?? 0, column: position?.column ?? 0, message: message, expected: expected)
    ])
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return "0x" + (digits.count < 2 ? "0" + digits : digits)
  }

  private static func padded(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// The part of a line around a column, without secrets, and the blanks that bring a caret under it; nil when there is
  /// no such line.
  func excerpt(line: Int, column: Int) -> (text: String, padding: String)? {
    guard line >= 1, line <= lines.count else { return nil }
    let scalars = Array(Secret.masked(lines[line - 1]).unicodeScalars)
    let width = ConfigurationLimits.sourceLineCharactersMax
    let target = max(0, min(column - 1, scalars.count))
    let start = target < width ? 0 : target - width / 2
    let end = min(scalars.count, start + width)
    var text = start > 0 ? "…" : ""
    text.unicodeScalars.append(contentsOf: scalars[start..<end])
    if end < scalars.count { text += "…" }
    var padding = start > 0 ? " " : ""
    padding.unicodeScalars.append(contentsOf: scalars[start..<target].map { $0 == "\t" ? "\t" : " " })
    return (text, padding)
  }

  /// The position itself, or the end of the text for one behind it: libyaml counts a line after the last even when the
  /// last has no line break.
  func clamped(_ position: SourcePosition) -> SourcePosition {
    guard position.line > lines.count, let last = lines.last else { return position }
    return SourcePosition(line: lines.count, column: last.unicodeScalars.count + 1)
  }

  /// The scalar at a position, for messages that depend on it.
  func scalar(at position: SourcePosition) -> Unicode.Scalar? {
    guard position.line >= 1, position.line <= lines.count, position.column >= 1 else { return nil }
    return lines[position.line - 1].unicodeScalars.dropFirst(position.column - 1).first
  }
}

/// One pass over the bytes: decodes, refuses what YAML refuses, and cuts lines.
private struct SourceScanner {
  enum Finding {
    case clean
    case invalidUTF8(UInt8, SourcePosition)
    case controlCharacter(Unicode.Scalar, SourcePosition)
  }

  let bytes: [UInt8]
  private(set) var lines: [String] = []
  private var line = String.UnicodeScalarView()
  private var column = 1

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func scan() -> Finding {
    var index = 0
    var previousWasReturn = false
    while index < bytes.count {
      let position = SourcePosition(line: lines.count + 1, column: column)
      guard let (scalar, width) = decode(at: index) else { return .invalidUTF8(bytes[index], position) }
      index += width
      defer { previousWasReturn = scalar == "\r" }
      switch scalar {
      case "\n" where previousWasReturn: continue
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": endLine()
      case "\t", "\u{20}"..."\u{7E}", "\u{A0}"..."\u{D7FF}", "\u{E000}"..."\u{FEFE}", "\u{FF00}"..."\u{FFFD}",
        "\u{10000}"..."\u{10FFFF}":
        line.append(scalar)
        column += 1
      default: return .controlCharacter(scalar, position)
      }
    }
    endLine()
    return .clean
  }

  private mutating func endLine() {
    lines.append(String(line))
    line = String.UnicodeScalarView()
    column = 1
  }

  private func decode(at index: Int) -> (Unicode.Scalar, Int)? {
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let (width, minimum): (Int, UInt32)
    switch first {
    case 0xC2...0xDF: (width, minimum) = (2, 0x80)
    case 0xE0...0xEF: (width, minimum) = (3, 0x800)
    case 0xF0...0xF4: (width, minimum) = (4, 0x10000)
    default: return nil
    }
    guard index + width <= bytes.count else { return nil }
    var value = UInt32(first) & (0x7F >> UInt32(width))
    for byte in bytes[(index + 1)..<(index + width)] {
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    guard value >= minimum, let scalar = Unicode.Scalar(value) else { return nil }
    return (scalar, width)
  }
}
