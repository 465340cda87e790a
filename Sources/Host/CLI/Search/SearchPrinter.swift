import Foundation

/// Prints records as they come: for people on a terminal, one per line in a pipe. Control characters of a record never
/// reach the terminal.
struct SearchPrinter {
  let format: SearchCommand.Format
  let usesColour: Bool
  private let marks: [String]
  private var pending = ""

  init(format: SearchCommand.Format, query: String, usesColour: Bool) {
    self.format = format
    self.usesColour = usesColour
    marks = usesColour ? QueryWords.wanted(in: query) : []
  }

  mutating func print(_ record: SearchReply.Record, topic: String) {
    let found = FoundRecord(record)
    switch format {
    case .json: pending += String(decoding: SearchJSON.line(found, topic: topic), as: UTF8.self) + "\n"
    case .text: pending += usesColour ? block(found, topic) : line(found, topic)
    }
    if pending.utf8.count > 64 << 10 { flush() }
  }

  mutating func flush() {
    guard !pending.isEmpty else { return }
    pending.withUTF8 { Terminal.put(UnsafeRawBufferPointer($0), orEndWith: SearchExit.output.rawValue) }
    pending = ""
  }

  /// time, topic, partition, offset, key, value.
  private func line(_ record: FoundRecord, _ topic: String) -> String {
    [
      Self.time(record), topic, String(record.partition), String(record.offset), Self.text(record.key) ?? "\\N",
      value(record) ?? "\\N",
    ].joined(separator: "\t") + "\n"
  }

  private func block(_ record: FoundRecord, _ topic: String) -> String {
    let place = "\u{1B}[36m\(Self.time(record))\u{1B}[0m  \(topic)-\(record.partition) @ \(record.offset)"
    let key = Self.text(record.key).map { "  key \u{1B}[1m\($0)\u{1B}[0m" } ?? ""
    let score = record.score == 0 ? "" : "  \u{1B}[2mscore \((record.score * 100).rounded() / 100)\u{1B}[0m"
    let headers = record.headers.map { header in
      "  \u{1B}[2m\(Self.text(header.name) ?? ""): \(Self.text(header.value) ?? "null")\u{1B}[0m\n"
    }.joined()
    let shown = value(record).map { marked($0) } ?? "\u{1B}[2mnull\u{1B}[0m"
    return "\(place)\(key)\(score)\n\(headers)  \(shown)\n"
  }

  private func value(_ record: FoundRecord) -> String? {
    let text = Self.text(record.value)
    guard let count = record.value?.count, count < record.valueByteCount else { return text }
    return text.map { "\($0)… (\(record.valueByteCount) bytes)" }
  }

  private static func time(_ record: FoundRecord) -> String {
    TimeText.iso8601(milliseconds: record.timestamp) ?? String(record.timestamp)
  }

  /// UTF-8 with control characters escaped, other bytes as base64; nil for nil.
  static func text(_ bytes: [UInt8]?) -> String? {
    guard let bytes else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return "base64:" + Data(bytes).base64EncodedString()
    }
    guard text.unicodeScalars.contains(where: { needsEscape($0) }) else { return text }
    return text.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      default: needsEscape(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
      }
    }.joined()
  }

  /// What moves the cursor, rings, or turns text around.
  private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x5C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x2028, 0x2029: true
    default: false
    }
  }

  private func marked(_ text: String) -> String {
    var ranges: [Range<String.Index>] = []
    for word in marks {
      var from = text.startIndex
      while let found = text.range(of: word, options: .caseInsensitive, range: from..<text.endIndex), !found.isEmpty {
        ranges.append(found)
        from = found.upperBound
      }
    }
    var result = ""
    var position = text.startIndex
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.lowerBound >= position {
      result += text[position..<range.lowerBound] + "\u{1B}[1;31m" + text[range] + "\u{1B}[0m"
      position = range.upperBound
    }
    return result + text[position...]
  }
}

/// The words of a query that a record shows when it matches; only for colouring, so it need not be exact.
enum QueryWords {
  static func wanted(in query: String) -> [String] {
    var words: Set<String> = []
    var isQuoted = false
    var isExcluded = false
    var current = ""
    func end() {
      let name = current.split(separator: ":", maxSplits: 1).last.map { String($0) } ?? ""
      for word in name.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) where !isExcluded {
        words.insert(String(word))
      }
      current = ""
    }
    for character in query {
      if character == "\"" {
        isQuoted.toggle()
      } else if character == " " || character == "\t" {
        end()
        if !isQuoted { isExcluded = false }
      } else if character == "-", current.isEmpty, !isQuoted {
        isExcluded = true
      } else {
        current.append(character)
      }
    }
    end()
    return words.sorted()
  }
}
