/// A value of a YAML document together with the place where it starts.
public struct YAMLNode: Sendable {
  public enum ScalarStyle: Sendable, Hashable {
    case plain, singleQuoted, doubleQuoted, literal, folded
  }

  public struct Entry: Sendable {
    public let key: String
    public let keyPosition: SourcePosition
    public let value: YAMLNode
  }

  public indirect enum Content: Sendable {
    case scalar(String, ScalarStyle)
    case sequence([YAMLNode])
    /// Entries in the order of the file; keys are distinct.
    case mapping([Entry])
    /// Stands where the document already has a diagnostic, so that nobody complains a second time.
    case refused
  }

  public let content: Content
  public let position: SourcePosition

  public init(content: Content, position: SourcePosition) {
    self.content = content
    self.position = position
  }

  /// Whether this is YAML's null: nothing, `~` or `null`, without quotes.
  public var isNull: Bool {
    guard case .scalar(let text, .plain) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// How a message names what was found.
  var foundDescription: String {
    switch content {
    case .scalar where isNull: "no value"
    case .scalar(let text, _): text.quoted
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .refused: "a refused value"
    }
  }
}
