import TierKit

/// What one listing looks for and has found, while directories are walked in the order of keys: a directory counts as
/// its name with a slash, because that is what its keys go on with ('-' and '.' sort before it).
struct ListingWalk {
  let prefix: [UInt8]
  let startAfter: [UInt8]
  let limit: Int
  private(set) var objects: [ObjectInfo] = []
  private(set) var hasMore = false

  init(prefix: String, startAfter: String, limit: Int) {
    self.prefix = Array(prefix.utf8)
    self.startAfter = Array(startAfter.utf8)
    self.limit = limit
  }

  /// The innermost directory that the prefix names whole: "" or one with a slash at its end.
  static func base(of prefix: String) -> String {
    prefix.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(prefix[...$0]) } ?? ""
  }

  /// Whether a key may be wanted: `stem` itself, or those that begin with it when it ends with a slash.
  func wants(_ stem: [UInt8]) -> Bool {
    if stem.last == UInt8(ascii: "/") {
      guard stem.starts(with: prefix) || prefix.starts(with: stem) else { return false }
      return precedes(startAfter, stem) || startAfter.starts(with: stem)
    }
    return stem.starts(with: prefix) && precedes(startAfter, stem)
  }

  mutating func add(_ object: ObjectInfo) {
    if objects.count == limit { hasMore = true } else { objects.append(object) }
  }

  var listing: ObjectListing { ObjectListing(objects: objects, hasMore: hasMore) }
}
