/// One setting of the configuration file: what is accepted, what holds without it, and why anyone would change it.
///
/// The reader, the manual and the reports all work from these rows, so they cannot disagree.
public struct Setting: Sendable {
  public enum Shape: Sendable {
    case scalar(ValueKind)
    /// A list of paths.
    case paths
    /// SHA-256 digests by library name.
    case digests
    /// The plugin's own settings, which only its descriptor knows.
    case pluginSettings
    /// The object store of a tier.
    case store
  }

  /// "network.threads"; fields of a chain entry are "chain[].tier".
  public let path: String
  public let shape: Shape
  /// As the file writes it; nil when absence is a value of its own.
  public let defaultText: String?
  /// What the manual shows for a setting without default.
  public let example: String?
  /// What it is, in one sentence.
  public let summary: String
  /// Why it exists, what absence means, when to change it.
  public let reason: String
  public let isRequired: Bool

  init(
    _ path: String, _ shape: Shape, default defaultText: String? = nil, example: String? = nil,
    isRequired: Bool = false,
    _ summary: String, _ reason: String = ""
  ) {
    self.path = path
    self.shape = shape
    self.defaultText = defaultText
    self.example = example
    self.isRequired = isRequired
    self.summary = summary
    self.reason = reason
  }

  init(
    _ path: String, _ kind: ValueKind, default defaultText: String? = nil, example: String? = nil,
    isRequired: Bool = false, _ summary: String, _ reason: String = ""
  ) {
    self.init(
      path, .scalar(kind), default: defaultText, example: example, isRequired: isRequired, summary, reason)
  }

  /// The last part of the path, which is the key in the file.
  public var key: String { String(path.split(separator: ".").last ?? "") }

  /// The path of the mapping that holds the key; empty at the top.
  public var section: String { String(path.dropLast(key.count + 1)) }

  /// What is accepted, in words.
  public var expectation: String {
    switch shape {
    case .scalar(let kind): kind.summary
    case .paths: "a list of paths"
    case .digests: "a mapping from library names to SHA-256 digests of 64 hexadecimal digits"
    case .pluginSettings: "a mapping of the settings that the plugin declares"
    case .store: "a mapping with type, plugin, library and config"
    }
  }

  /// The value of `defaultText`. Nil for optional settings and for those that are no scalar.
  var defaultValue: SettingValue? {
    guard let defaultText, case .scalar(let kind) = shape else { return nil }
    guard case .success(let value) = kind.parse(defaultText) else {
      preconditionFailure("the default of \(path) is not valid")
    }
    return value
  }
}
