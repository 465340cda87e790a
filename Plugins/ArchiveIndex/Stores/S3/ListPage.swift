import TierKit

/// A ListBucketResult.
struct ListPage: Equatable {
  var objects: [ObjectInfo] = []
  /// With a delimiter: what several keys begin with, each with a slash at its end.
  var directories: [String] = []
  var isTruncated: Bool
  var nextToken: String?

  /// Nil for a body that is none.
  init?(_ body: [UInt8]) {
    guard let root = XMLElement.parse(body), root.name == "ListBucketResult" else { return nil }
    let isEncoded = root.text("EncodingType") == "url"
    func name(_ text: String?) -> String? { isEncoded ? text.flatMap(Self.decoded) : text }
    for element in root.all("Contents") {
      guard let key = name(element.text("Key")), let size = element.text("Size").flatMap({ Int($0) }), size >= 0 else {
        return nil
      }
      objects.append(
        ObjectInfo(
          key: key, byteCount: size, modified: element.text("LastModified").flatMap(Timestamp.iso8601) ?? -1,
          etag: Array(unquoted(element.text("ETag") ?? "").utf8.prefix(64))))
    }
    for element in root.all("CommonPrefixes") {
      guard let prefix = name(element.text("Prefix")), prefix.hasSuffix("/") else { return nil }
      directories.append(prefix)
    }
    isTruncated = root.text("IsTruncated") == "true"
    nextToken = root.text("NextContinuationToken").flatMap { $0.isEmpty ? nil : $0 }
    // A page that ends without saying where to go on would end the listing early.
    if isTruncated, objects.isEmpty, nextToken == nil { return nil }
  }

  /// Undoes URL encoding; nil for what is none.
  static func decoded(_ text: String) -> String? {
    let utf8 = Array(text.utf8)
    var bytes: [UInt8] = []
    var index = 0
    while index < utf8.count {
      switch utf8[index] {
      case UInt8(ascii: "%"):
        guard index + 2 < utf8.count,
          let byte = UInt8(String(decoding: utf8[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(byte)
        index += 3
      case UInt8(ascii: "+"):
        bytes.append(UInt8(ascii: " "))
        index += 1
      default:
        bytes.append(utf8[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
