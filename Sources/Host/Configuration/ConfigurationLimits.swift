/// Every bound this module keeps on what it reads, with its reason.
public enum ConfigurationLimits {
  /// A configuration of a thousand tiers and topics is below 100 KiB; more is the wrong file.
  public static let fileBytesMax = 1 << 20

  /// The schema is four levels deep. Deeper nesting is refused before it can exhaust the stack.
  public static let nestingDepthMax = 32

  /// What a person reads before correcting the file and trying again.
  public static let diagnosticsMax = 20

  /// A read may ask every tier in turn, so the chain stays short.
  public static let chainTiersMax = 16

  /// How much of a value a message repeats.
  public static let quotedCharactersMax = 60

  /// How much of a source line is shown above a caret.
  public static let sourceLineCharactersMax = 120

  /// Suggestions are looked for only among names of ordinary length, because the comparison is quadratic.
  public static let suggestionCharactersMax = 64
}
