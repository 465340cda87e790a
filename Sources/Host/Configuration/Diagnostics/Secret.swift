/// What must not be printed, by its name: the libraries' descriptors say it for their own keys, but a misspelled key
/// has no descriptor, and a message shows the line it stands on.
enum Secret {
  /// What stands in a secret's place.
  static let mask = "(secret)"

  private static let words = ["secret", "password", "passphrase", "session_token"]

  static func isName(_ name: String) -> Bool {
    let folded = name.lowercased()
    return words.contains { folded.contains($0) } || folded.hasSuffix("token")
  }

  /// A line of YAML without what follows the first key with such a name; columns up to there stay what they are.
  static func masked(_ line: String) -> String {
    var searched = line.startIndex
    while let colon = line[searched...].firstIndex(of: ":") {
      let name = line[..<colon].reversed().drop { $0 == "\"" || $0 == "'" }.prefix {
        $0.isLetter || $0.isNumber || "_.-".contains($0)
      }
      let end = line.index(after: colon)
      if isName(String(name.reversed())), line[end...].contains(where: { $0 != " " }) {
        return line[..<end] + " " + mask
      }
      searched = end
    }
    return line
  }
}
