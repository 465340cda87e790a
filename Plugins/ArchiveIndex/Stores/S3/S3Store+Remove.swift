import TierKit

extension S3Store {
  public func remove(_ keys: [String], _ call: StoreCall) throws(TierError) {
    for key in keys { try ObjectKey.check(key) }
    try self.call(.remove, call) { (scope, _) throws(TierError) in
      for start in stride(from: 0, to: keys.count, by: StoreLimits.keysPerRequestMax) {
        let batch = Array(keys[start..<min(keys.count, start + StoreLimits.keysPerRequestMax)])
        let rest = batch.count == 1 ? batch : try removeTogether(batch, scope)
        for answer in try client().send(rest.map(removal), scope) { _ = try answer.get() }
      }
    }
  }

  private func removal(_ key: String) -> S3Request { S3Request(method: "DELETE", key: fullKey(key), accepted: [404]) }

  /// One DeleteObjects request. Returns what has to be deleted one by one: all where the service does not know the
  /// request, and what it failed at.
  private func removeTogether(_ keys: [String], _ scope: CallScope) throws(TierError) -> [String] {
    let list = keys.map { "<Object><Key>\(escaped(fullKey($0)))</Key></Object>" }.joined()
    let bytes = Array("<Delete><Quiet>true</Quiet>\(list)</Delete>".utf8)
    let response = try withStableBytes(bytes) { (body) throws(TierError) in
      var request = S3Payload([body]).request(
        "POST", "", query: [("delete", "")], checksum: false, ifAbsent: false, accepted: [400, 404, 405, 411, 501])
      request.key = nil
      request.sink = .memory(byteCountMax: StoreLimits.listingBodyByteCountMax)
      return try client().send(request, scope)
    }
    guard response.isSuccess, let result = XMLElement.parse(response.body), result.name == "DeleteResult" else {
      return keys
    }
    var failed = Set<String>()
    for error in result.all("Error") where error.text("Code") != "NoSuchKey" {
      // What the failure is about cannot be told: it may be any of them.
      guard let key = error.text("Key"), keys.contains(where: { fullKey($0) == key }) else { return keys }
      failed.insert(key)
    }
    return keys.filter { failed.contains(fullKey($0)) }
  }
}
