import TierKit

extension S3Store {
  public func list(
    prefix: String, startAfter: String, limit: Int, _ call: StoreCall
  ) throws(TierError) -> ObjectListing {
    try ObjectKey.checkPrefix(prefix)
    return try self.call(.list, call) { (scope, _) throws(TierError) in
      var objects: [ObjectInfo] = []
      var last = startAfter.isEmpty ? "" : fullKey(startAfter)
      while true {
        try scope.check("listing s3://\(configuration.bucket)/\(fullKey(prefix))")
        let page = try client().listPage(prefix: fullKey(prefix), startAfter: last, scope)
        for var object in page.objects {
          object.key = String(object.key.dropFirst(configuration.prefix.count))
          // Somebody else's, or a probe.
          if ObjectKey.problem(object.key.utf8) != nil { continue }
          if objects.count == limit { return ObjectListing(objects: objects, hasMore: true) }
          objects.append(object)
        }
        guard page.hasMore, let end = page.objects.last?.key else {
          return ObjectListing(objects: objects, hasMore: false)
        }
        last = end
      }
    }
  }
}

extension S3Client {
  /// One page of a listing: keys with the configured prefix, in order, behind `startAfter`.
  func listPage(prefix: String, startAfter: String, _ scope: CallScope) throws(TierError) -> ObjectListing {
    var query = [
      ("list-type", "2"), ("prefix", prefix), ("encoding-type", "url"),
      ("max-keys", "\(StoreLimits.keysPerRequestMax)"),
    ]
    if !startAfter.isEmpty { query.append(("start-after", startAfter)) }
    let what = "listing s3://\(configuration.bucket)/\(prefix)"
    let response = try send(
      S3Request(
        method: "GET", query: query, sink: .memory(byteCountMax: StoreLimits.listingBodyByteCountMax),
        check: { ListPage.parse($0.body) == nil ? TierError(.retriable, "\(what): the answer is no listing") : nil }),
      scope)
    let page = ListPage.parse(response.body)!
    var last = Array(startAfter.utf8)
    for object in page.objects {
      guard object.key.utf8.starts(with: prefix.utf8), precedes(last, object.key.utf8) else {
        throw TierError(
          .permanent,
          "\(what): the service does not list in the order of keys, or not what was asked for ('\(object.key)')")
      }
      last = Array(object.key.utf8)
    }
    return page
  }
}

/// A ListBucketResult. Pure.
enum ListPage {
  /// Nil for a body that is none. The keys are whole, the configured prefix included.
  static func parse(_ body: [UInt8]) -> ObjectListing? {
    guard let root = XMLElement.parse(body), root.name == "ListBucketResult" else { return nil }
    let isEncoded = root.text("EncodingType") == "url"
    var objects: [ObjectInfo] = []
    for element in root.all("Contents") {
      guard let rawKey = element.text("Key"), let key = isEncoded ? decoded(rawKey) : rawKey,
        let size = element.text("Size").flatMap({ Int($0) }), size >= 0
      else { return nil }
      objects.append(
        ObjectInfo(
          key: key, byteCount: size, modified: element.text("LastModified").flatMap(Timestamp.iso8601) ?? -1,
          etag: Array(unquoted(element.text("ETag") ?? "").utf8.prefix(64))))
    }
    return ObjectListing(objects: objects, hasMore: root.text("IsTruncated") == "true")
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
