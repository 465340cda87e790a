import TierKit

extension FileStore {
  public func list(
    prefix: String, startAfter: String, limit: Int, _ call: StoreCall
  ) throws(TierError) -> ObjectListing {
    try metrics.measure(.list) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        try ObjectKey.checkPrefix(prefix)
        let scope = CallScope(call, gate, host)
        var walk = ListingWalk(prefix: prefix, startAfter: startAfter, limit: limit)
        let base = ListingWalk.base(of: prefix)
        if try ancestorsAreDirectories(base + "x") { try list(base, &walk, scope) }
        return walk.listing
      }
    }
  }

  /// Visits what is below `base` ("" or "a/b/") in the order of keys.
  private func list(_ base: String, _ walk: inout ListingWalk, _ scope: CallScope) throws(TierError) {
    var last: [UInt8] = []
    while !walk.hasMore {
      try scope.check("listing '\(base)'")
      let stems = try nextStems(base, after: last, walk)
      for stem in stems {
        let key = String(decoding: stem, as: UTF8.self)
        if stem.last == UInt8(ascii: "/") {
          try list(key, &walk, scope)
        } else if let status = try objectStatus(key) {
          walk.add(ObjectInfo(key: key, status))
        }
        if walk.hasMore { return }
      }
      guard stems.count == StoreLimits.listedNamesMax, let end = stems.last else { return }
      last = end
    }
  }

  /// The first names of a directory behind `last`, as keys or beginnings of keys, in order.
  private func nextStems(_ base: String, after last: [UInt8], _ walk: ListingWalk) throws(TierError) -> [[UInt8]] {
    let capacity = StoreLimits.listedNamesMax
    let directory = base.isEmpty ? root : "\(root)/\(base.dropLast())"
    var stems: [[UInt8]] = []
    do throws(Errno) {
      try fileSystem.names(directory) { name, kind in
        guard kind != .other, ObjectKey.problem(name.utf8) == nil else { return }
        let stem = Array(base.utf8) + Array(name.utf8) + (kind == .directory ? [UInt8(ascii: "/")] : [])
        guard precedes(last, stem), walk.wants(stem) else { return }
        stems.append(stem)
        if stems.count == 2 * capacity { stems = Array(stems.sorted(by: precedes).prefix(capacity)) }
      }
    } catch where error == .notFound || error == .notDirectory {
      // A removal pruned it meanwhile.
      return []
    } catch {
      throw TierError(error, "cannot list", directory)
    }
    return Array(stems.sorted(by: precedes).prefix(capacity))
  }
}
