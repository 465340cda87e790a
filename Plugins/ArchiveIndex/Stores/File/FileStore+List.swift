import TierKit

extension FileStore {
  public func list(
    prefix: String, startAfter: String, limit: Int, _ call: StoreCall
  ) throws(TierError) -> ObjectListing {
    try metrics.measure(.list) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        try ObjectKey.checkPrefix(prefix)
        let scope = CallScope(call, gate, host)
        var walk = Walk(prefix: Array(prefix.utf8), startAfter: Array(startAfter.utf8), limit: limit)
        // The walk begins in the innermost directory that the prefix names whole.
        let base = prefix.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(prefix[...$0]) } ?? ""
        if try ancestorsAreDirectories(base + "x") { try list(base, &walk, scope) }
        return ObjectListing(objects: walk.objects, hasMore: walk.hasMore)
      }
    }
  }

  /// What one listing looks for and has found.
  private struct Walk {
    let prefix: [UInt8]
    let startAfter: [UInt8]
    let limit: Int
    var objects: [ObjectInfo] = []
    var hasMore = false

    /// Whether keys that begin with `stem` (for a file: that are `stem`) may be wanted.
    func wants(_ stem: [UInt8], isDirectory: Bool) -> Bool {
      if isDirectory {
        guard stem.starts(with: prefix) || prefix.starts(with: stem) else { return false }
        return precedes(startAfter, stem) || startAfter.starts(with: stem)
      }
      return stem.starts(with: prefix) && precedes(startAfter, stem)
    }
  }

  /// Visits what is below `base` ("" or "a/b/") in the order of keys: a directory counts as its name with a slash, because
  /// that is what its keys go on with ('-' and '.' sort before it).
  private func list(_ base: String, _ walk: inout Walk, _ scope: CallScope) throws(TierError) {
    var last: [UInt8] = []
    while !walk.hasMore {
      try scope.check("listing '\(base)'")
      let stems = try nextStems(base, after: last, walk)
      for stem in stems {
        let key = String(decoding: stem, as: UTF8.self)
        if stem.last == UInt8(ascii: "/") {
          try list(key, &walk, scope)
        } else if let status = try objectStatus(key) {
          if walk.objects.count == walk.limit { walk.hasMore = true } else { walk.objects.append(ObjectInfo(key: key, status)) }
        }
        if walk.hasMore { return }
      }
      guard stems.count == StoreLimits.listedNamesMax, let end = stems.last else { return }
      last = end
    }
  }

  /// The first names of a directory behind `last`, as keys or beginnings of keys, in order.
  private func nextStems(_ base: String, after last: [UInt8], _ walk: Walk) throws(TierError) -> [[UInt8]] {
    let capacity = StoreLimits.listedNamesMax
    let directory = base.isEmpty ? root : "\(root)/\(base.dropLast())"
    var stems: [[UInt8]] = []
    do throws(Errno) {
      try fileSystem.names(directory) { name, kind in
        guard kind != .other, ObjectKey.problem(name.utf8) == nil else { return }
        let stem = Array(base.utf8) + Array(name.utf8) + (kind == .directory ? [UInt8(ascii: "/")] : [])
        guard precedes(last, stem), walk.wants(stem, isDirectory: kind == .directory) else { return }
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
