import Foundation

/// A query as the language's rules have it, with its text and what it means, made without the code under test.
struct Question {
  enum Sign { case must, mustNot }
  enum Condition {
    case all
    case key([UInt8])
    case phrase([String])
    case header(String, [String])
  }

  var clauses: [(sign: Sign, condition: Condition)] = []
  var text = ""

  static func random(_ random: inout SeededGenerator, plainWordsOnly: Bool = false) -> Question {
    var question = Question()
    question.add(.must, &random, plainWordsOnly)
    while random.chance(40) { question.add(random.chance(70) ? .must : .mustNot, &random, plainWordsOnly) }
    return question
  }

  private mutating func add(_ sign: Sign, _ random: inout SeededGenerator, _ plainWordsOnly: Bool) {
    let safe = TestLog.words.filter { !Tokens.of(Array($0.utf8)).isEmpty && !$0.contains(":") && !$0.contains("\"") }
    let word = random.pick(safe)
    var text = sign == .mustNot ? "-" : random.chance(20) ? "+" : ""
    var condition = Condition.phrase(Tokens.of(Array(word.utf8)))
    switch plainWordsOnly ? 9 : random.below(10) {
    case 0:
      let key = random.chance(10) ? "" : "key-\(random.below(32))"
      condition = .key(Array(key.utf8))
      text += key.isEmpty ? "key:\"\"" : "key:\(key)"
    case 1:
      let name = random.pick(["trace", "Source", "n", "none"])
      condition = .header(name, Tokens.of(Array(word.utf8)))
      text += "header.\(name):\(word)"
    case 2, 3:
      let other = random.pick(safe)
      condition = .phrase(Tokens.of(Array("\(word) \(other)".utf8)))
      text += "\"\(word) \(other)\""
    case 4:
      condition = .phrase(["level", "error"])
      text += "level:ERROR"
    case 5 where random.chance(40):
      condition = .all
      text += "*"
    default: text += word
    }
    clauses.append((sign, condition))
    self.text += (self.text.isEmpty ? "" : " ") + text
  }

  func isAnswered(by record: KnownRecord) -> Bool {
    clauses.allSatisfy { holds($0.condition, record) == ($0.sign == .must) }
  }

  private func holds(_ condition: Condition, _ record: KnownRecord) -> Bool {
    switch condition {
    case .all: true
    case .key(let key): record.key == key
    case .phrase(let phrase): record.texts.contains { Self.contains(Tokens.of($0), phrase) }
    case .header(let name, let phrase):
      record.headers.contains {
        $0.key == Array(name.utf8) && $0.value.map { Self.contains(Tokens.of($0), phrase) } ?? false
      }
    }
  }

  private static func contains(_ text: [String], _ phrase: [String]) -> Bool {
    text.indices.contains { text[$0...].starts(with: phrase) }
  }

  var words: Set<String> {
    Set(
      clauses.flatMap { clause -> [String] in
        switch clause.condition {
        case .phrase(let phrase), .header(_, let phrase): phrase
        case .all, .key: []
        }
      })
  }
}

extension KnownRecord {
  /// All texts that words are found in.
  var texts: [[UInt8]] { [key, value].compactMap(\.self) + headers.compactMap(\.value) }
}

/// The rules for words, slowly: runs of ASCII letters and digits, folded; in runs with other characters, letters
/// folded, punctuation between, neighbouring characters of Chinese, Japanese and Korean in pairs.
enum Tokens {
  static func of(_ text: [UInt8]) -> [String] {
    text.split { !isWordByte($0) }.flatMap { run -> [String] in
      let string = String(decoding: run, as: UTF8.self)
      return run.allSatisfy { $0 < 0x80 } ? [string.lowercased()] : wide(string)
    }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...: true
    default: false
    }
  }

  private static func kind(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x2000...0x206F, 0xFFFD: 0
    case 0x3040...0x30FF, 0x4E00...0x9FFF, 0xAC00...0xD7AF: 1
    default: 2
    }
  }

  private static func wide(_ text: String) -> [String] {
    var groups: [(kind: Int, scalars: [Unicode.Scalar])] = []
    for scalar in text.unicodeScalars {
      if groups.last?.kind == kind(scalar) {
        groups[groups.count - 1].scalars.append(scalar)
      } else {
        groups.append((kind(scalar), [scalar]))
      }
    }
    return groups.flatMap { group -> [String] in
      switch group.kind {
      case 0: return []
      case 1 where group.scalars.count == 1: return [String(group.scalars[0])]
      case 1: return zip(group.scalars, group.scalars.dropFirst()).map { String($0) + String($1) }
      default: return [group.scalars.map { $0.properties.lowercaseMapping }.joined()]
      }
    }
  }
}
