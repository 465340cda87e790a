import TierKit

extension S3Store {
  public func list(
    prefix: String, startAfter: String, limit: Int, _ call: StoreCall
  ) throws(TierError) -> ObjectListing {
    try ObjectKey.checkPrefix(prefix)
    return try self.call(.list, call) { (scope, abilities) throws(TierError) in
      var walk = ListingWalk(prefix: prefix, startAfter: startAfter, limit: limit)
      if abilities.ordersByKey {
        try listInOrder(prefix, startAfter, &walk, scope)
      } else {
        try listDirectory(ListingWalk.base(of: prefix), &walk, scope)
      }
      return walk.listing
    }
  }

  private func listInOrder(
    _ prefix: String, _ startAfter: String, _ walk: inout ListingWalk, _ scope: CallScope
  ) throws(TierError) {
    let what = "listing s3://\(configuration.bucket)/\(fullKey(prefix))"
    var last = startAfter.isEmpty ? "" : fullKey(startAfter)
    var token: String?
    while true {
      try scope.check(what)
      let page = try client().page(prefix: fullKey(prefix), startAfter: token == nil ? last : "", token: token, scope)
      for object in page.objects {
        guard object.key.utf8.starts(with: fullKey(prefix).utf8), precedes(last.utf8, object.key.utf8) else {
          throw TierError(
            .permanent,
            "s3://\(configuration.bucket): the service lists '\(object.key)' out of order, or without being asked for")
        }
        last = object.key
        if let found = known(object) { walk.add(found) }
        if walk.hasMore { return }
      }
      if !page.isTruncated { return }
      // Keys say where to go on. A page may be without them before the end, as where versions of deleted objects are
      // kept; then only the service knows.
      token = page.objects.isEmpty ? try next(page, behind: token, what) : nil
    }
  }

  /// Where a truncated page says that the listing goes on. Throws when it does not, or says so of where it was: that is
  /// no end.
  private func next(_ page: ListPage, behind token: String?, _ what: String) throws(TierError) -> String {
    guard let next = page.nextToken, next != token else {
      throw TierError(.retriable, "\(what): the service has more and does not say where")
    }
    return next
  }

  /// For services that list directory by directory: each one is read whole and put in order here.
  private func listDirectory(_ base: String, _ walk: inout ListingWalk, _ scope: CallScope) throws(TierError) {
    var stems: [(key: String, object: ObjectInfo?)] = []
    let what = "listing s3://\(configuration.bucket)/\(fullKey(base))"
    var token: String?
    repeat {
      try scope.check(what)
      let page = try client().page(prefix: fullKey(base), isOneDirectory: true, token: token, scope)
      for object in page.objects { if let found = known(object) { stems.append((found.key, found)) } }
      for directory in page.directories where directory.utf8.starts(with: fullKey(base).utf8) {
        stems.append((ownKey(directory), nil))
      }
      stems.removeAll { !walk.wants(Array($0.key.utf8)) }
      guard stems.count <= StoreLimits.directoryEntriesMax else {
        throw TierError(
          .permanent,
          "s3://\(configuration.bucket)/\(fullKey(base)) has more than \(StoreLimits.directoryEntriesMax) entries")
      }
      token = page.isTruncated ? try next(page, behind: token, what) : nil
    } while token != nil
    for stem in stems.sorted(by: { precedes($0.key.utf8, $1.key.utf8) }) {
      if let object = stem.object {
        walk.add(object)
      } else if ObjectKey.problem((stem.key + "x").utf8) == nil, stem.key != base {
        try listDirectory(stem.key, &walk, scope)
      }
      if walk.hasMore { return }
    }
  }

  /// The object under the store's own key; nil for somebody else's key, or a probe.
  private func known(_ object: ObjectInfo) -> ObjectInfo? {
    guard object.key.utf8.starts(with: configuration.prefix.utf8) else { return nil }
    var found = object
    found.key = ownKey(object.key)
    return ObjectKey.problem(found.key.utf8) == nil ? found : nil
  }
}

extension S3Store {
  /// A key without the store's prefix, which it begins with.
  private func ownKey(_ key: String) -> String {
    String(decoding: key.utf8.dropFirst(configuration.prefix.utf8.count), as: UTF8.self)
  }
}

extension S3Client {
  /// One page of a listing; keys and directories as the service has them.
  func page(
    prefix: String, startAfter: String = "", isOneDirectory: Bool = false, token: String? = nil, _ scope: CallScope
  ) throws(TierError) -> ListPage {
    var query = [
      ("list-type", "2"), ("prefix", prefix), ("encoding-type", "url"),
      ("max-keys", "\(StoreLimits.keysPerRequestMax)"),
    ]
    if !startAfter.isEmpty { query.append(("start-after", startAfter)) }
    if isOneDirectory { query.append(("delimiter", "/")) }
    if let token { query.append(("continuation-token", token)) }
    let what = "listing s3://\(configuration.bucket)/\(prefix)"
    let response = try send(
      S3Request(
        method: "GET", query: query, sink: .memory(byteCountMax: StoreLimits.listingBodyByteCountMax),
        check: { ListPage($0.body) == nil ? TierError(.retriable, "\(what): the answer is no listing") : nil }),
      scope)
    return ListPage(response.body)!
  }
}
