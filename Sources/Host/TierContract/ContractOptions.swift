/// What `plugins check` was asked to do; the one place where its words are known.
public struct ContractOptions: Sendable {
  /// Which of the three roles this process has.
  enum Role: Sendable { case parent, child, writer }

  public var libraryPath = ""
  /// Name or id of the product; nil when the library has only one.
  public var product: String?
  /// As written in YAML.
  public var settings: [(String, String)] = []
  public var seed: UInt64 = 0
  /// An existing directory; nil: a fresh one below /tmp that is removed afterwards.
  public var scratchDirectory: String?
  /// Rules to run; nil: all.
  public var rules: [String]?
  /// How long one rule may take before it counts as hung.
  public var deadlineMilliseconds: Int32 = 60_000
  public var printsJSON = false
  var role = Role.parent
  var flushes = false

  public init(libraryPath: String, seed: UInt64) {
    self.libraryPath = libraryPath
    self.seed = seed
  }

  public static let usage = """
    usage: chronik plugins check FILE.so [--product NAME] [--setting KEY=VALUE]... [--rule ID|GROUP]... [--seed NUMBER]
                                         [--scratch DIRECTORY] [--deadline SECONDS] [--json]
    See 'chronik plugins check --help' for more information.
    """

  /// Wrong words, after sysexits.h (EX_USAGE).
  static let usageExitCode: Int32 = 64

  /// Why the words are wrong.
  public struct UsageError: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  public init(parsing words: [String], randomSeed: UInt64) throws(UsageError) {
    seed = randomSeed
    var rest = words[...]
    func value(of option: String) throws(UsageError) -> String {
      guard let value = rest.popFirst() else { throw UsageError(description: "\(option) needs a value") }
      return value
    }
    func number(of option: String) throws(UsageError) -> UInt64 {
      let text = try value(of: option)
      guard let number = UInt64(text) else { throw UsageError(description: "\(option): \"\(text)\" is not a number") }
      return number
    }
    while let word = rest.popFirst() {
      switch word {
      case "--product": product = try value(of: word)
      case "--seed": seed = try number(of: word)
      case "--scratch": scratchDirectory = try value(of: word)
      case "--deadline":
        deadlineMilliseconds = Int32(clamping: try number(of: word).multipliedReportingOverflow(by: 1000).partialValue)
      case "--rule": rules = try Self.checkedRule(value(of: word), rules)
      case "--json": printsJSON = true
      case "--setting":
        let text = try value(of: word)
        guard let split = text.firstIndex(of: "="), split != text.startIndex else {
          throw UsageError(description: "--setting \"\(text)\" is not KEY=VALUE")
        }
        settings.append((String(text[..<split]), String(text[text.index(after: split)...])))
      case "--in-process": role = .child
      case "--writer": role = .writer
      case "--flush": flushes = true
      default:
        guard !word.hasPrefix("-"), libraryPath.isEmpty else {
          throw UsageError(description: "\"\(word)\" is not understood")
        }
        libraryPath = word
      }
    }
    if libraryPath.isEmpty { throw UsageError(description: "which library?") }
    // Without a slash the dynamic linker would look in its own directories.
    if !libraryPath.contains("/") { libraryPath = "./" + libraryPath }
  }

  private static func checkedRule(_ id: String, _ before: [String]?) throws(UsageError) -> [String] {
    let known = ContractRule.all.map(\.id)
    let matching = known.filter { $0 == id || $0.hasPrefix(id + ".") }
    guard !matching.isEmpty else {
      throw UsageError(description: "there is no rule \"\(id)\"; the rules are: \(known.joined(separator: ", "))")
    }
    return (before ?? []) + matching
  }
}
