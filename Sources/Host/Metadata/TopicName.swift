/// Kafka's rule for topic names.
enum TopicName {
  static let lengthMax = 249

  /// What is wrong with a name, as one sentence, or nil when it is legal.
  static func complaint(_ name: String) -> String? {
    if name.isEmpty { return "Topic name is illegal, it can't be empty." }
    if name == "." || name == ".." { return "Topic name cannot be \".\" or \"..\"." }
    if name.utf8.count > lengthMax {
      return "Topic name is illegal, its length is \(name.utf8.count), at most \(lengthMax) characters are allowed."
    }
    guard name.utf8.allSatisfy(isLegal) else {
      return
        "Topic name \"\(name)\" is illegal, it contains a character other than ASCII alphanumerics, '.', '_' and '-'."
    }
    return nil
  }

  private static func isLegal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
