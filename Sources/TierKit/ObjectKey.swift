/// Which keys objects may have; see the head of `object_store.h`.
public enum ObjectKey {
  /// Bytes; what S3 allows, and what leaves room for a store's own prefix there.
  public static let byteCountMax = 1024

  /// Why a key is not legal, or nil.
  public static func problem(_ key: some Collection<UInt8>) -> String? {
    if key.isEmpty { return "is empty" }
    if key.count > byteCountMax { return "is longer than \(byteCountMax) bytes" }
    for part in key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      if let problem = partProblem(part) { return problem }
    }
    return nil
  }

  /// Throws `permanent` for a key that is not legal.
  public static func check(_ key: String) throws(TierError) {
    if let problem = problem(key.utf8) { throw TierError(.permanent, "the object key '\(key)' \(problem)") }
  }

  /// Throws `permanent` for what no legal key can begin with. The empty prefix is legal.
  public static func checkPrefix(_ prefix: String) throws(TierError) {
    // What a legal key begins with becomes legal by one more character.
    if let problem = problem(Array(prefix.utf8) + [UInt8(ascii: "x")]) {
      throw TierError(.permanent, "the prefix '\(prefix)' \(problem)")
    }
  }

  private static func partProblem(_ part: some Collection<UInt8>) -> String? {
    if part.isEmpty { return "has an empty part between slashes" }
    if part.allSatisfy({ $0 == UInt8(ascii: ".") }) && part.count <= 2 { return "has a part that is '.' or '..'" }
    return part.allSatisfy(isLegal) ? nil : "has a character other than A-Z a-z 0-9 _ . ~ - and /"
  }

  private static func isLegal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
