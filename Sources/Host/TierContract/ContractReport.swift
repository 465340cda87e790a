/// What a run of the contract found, and its two printed forms.
public struct ContractReport: Sendable {
  public var libraryPath: String
  public var seed: UInt64
  /// The name of the product that was checked; nil when it never came so far.
  public var product: String?
  public var results: [RuleResult] = []
  /// Why the library cannot be used at all.
  public var unusable: String?

  public init(libraryPath: String, seed: UInt64) {
    self.libraryPath = libraryPath
    self.seed = seed
  }

  public var failures: [RuleResult] { results.filter { if case .failed = $0.outcome { true } else { false } } }

  /// 0: every rule holds. 1: a rule is broken. 2: the library cannot be used.
  public var exitCode: Int32 { unusable != nil ? 2 : failures.isEmpty ? 0 : 1 }

  /// For people: one line for each rule, what was seen below a broken one.
  public func text(usesColor: Bool) -> String {
    func paint(_ text: String, _ code: String) -> String { usesColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
    var lines = ["\(libraryPath): \(product ?? "no product"), seed \(seed)"]
    let width = results.map(\.id.count).max() ?? 0
    for result in results {
      let id = result.id + String(repeating: " ", count: width - result.id.count)
      switch result.outcome {
      case .passed: lines.append("  \(paint("✓", "32")) \(id)  \(result.sentence)")
      case .failed(let seen):
        lines.append("  \(paint("✗", "31")) \(paint(id, "1"))  \(result.sentence)")
        lines.append("      \(paint("seen: \(seen)", "31"))")
      case .notApplicable(let reason): lines.append("  \(paint("– \(id)  \(reason)", "2"))")
      }
    }
    if let unusable {
      lines.append(paint("unusable: \(unusable)", "31"))
    } else {
      let passed = results.filter { $0.outcome == .passed }.count
      let skipped = results.count - passed - failures.count
      lines.append("\(results.count) rules: \(passed) hold, \(failures.count) broken, \(skipped) not applicable")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// For programs: one object.
  public var json: String {
    let list = results.map { result in
      let (outcome, detail): (String, String?) =
        switch result.outcome {
        case .passed: ("passed", nil)
        case .failed(let seen): ("failed", seen)
        case .notApplicable(let reason): ("not-applicable", reason)
        }
      return Self.object([
        ("rule", Self.quote(result.id)), ("sentence", Self.quote(result.sentence)), ("outcome", Self.quote(outcome)),
        ("detail", detail.map(Self.quote) ?? "null"),
      ])
    }
    return Self.object([
      ("library", Self.quote(libraryPath)), ("product", product.map(Self.quote) ?? "null"), ("seed", "\(seed)"),
      ("unusable", unusable.map(Self.quote) ?? "null"), ("results", "[\(list.joined(separator: ","))]"),
    ])
  }

  private static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { "\(quote($0.0)):\($0.1)" }.joined(separator: ",") + "}"
  }

  private static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
