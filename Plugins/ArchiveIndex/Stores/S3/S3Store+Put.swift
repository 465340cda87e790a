import TierAPI
import TierKit

extension S3Store {
  public func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    try ObjectKey.check(key)
    return try self.call(.put, call) { (scope, abilities) throws(TierError) in
      let byteCount = parts.reduce(0) { $0 + $1.count }
      // Saves sending what is there already; and all there is where the service has no conditional puts.
      if ifAbsent, byteCount >= Self.lookFirstByteCount || !abilities.conditionalPuts,
        try info(key, scope) != nil
      {
        return false
      }
      let created =
        byteCount >= configuration.multipartThreshold
        ? try putInParts(key, parts, byteCount, ifAbsent: ifAbsent, abilities, scope)
        : try putWhole(key, S3Payload(parts), ifAbsent: ifAbsent, abilities, scope)
      if created { metrics.wrote(byteCount) }
      return created
    }
  }

  /// Bytes from which on a look costs less than sending for nothing.
  private static var lookFirstByteCount: Int { 256 * 1024 }
  /// How often a put is repeated that the service refused because of another one at the same time.
  private static var conflictsMax: Int { 10 }

  private func putWhole(
    _ key: String, _ payload: S3Payload, ifAbsent: Bool, _ abilities: Abilities, _ scope: CallScope
  ) throws(TierError) -> Bool {
    let isConditional = ifAbsent && abilities.conditionalPuts
    for _ in 0..<Self.conflictsMax {
      let response = try client().send(
        payload.request(
          "PUT", fullKey(key), checksum: abilities.checksums, ifAbsent: isConditional,
          accepted: isConditional ? [412, 409, 404] : []), scope)
      if response.isSuccess {
        try verify(key, payload, response, scope)
        return true
      }
      // 412: somebody was first. 409 and 404 say the same in some services, and 409 in others that a put of the same
      // key is under way, which may yet fail. And a service that keeps directories says it of a key that is one. Only
      // an object is an object.
      if try info(key, scope) != nil { return false }
    }
    throw TierError(
      .retriable,
      "s3://\(configuration.bucket)/\(fullKey(key)): the service refuses to create it although there is no such object "
        + "(other writers, or keys that go on with '/'?)"
    )
  }

  /// Throws unless the service holds the bytes that were sent.
  private func verify(
    _ key: String, _ payload: S3Payload, _ response: HTTPResponse, _ scope: CallScope
  ) throws(TierError) {
    switch payload.arrival(response) {
    case .verified: return
    case .unknown: if try holds(key, payload.parts, payload.byteCount, scope) { return }
    case .damaged: break
    }
    try removeDamaged(key, scope)
  }

  func removeDamaged(_ key: String, _ scope: CallScope) throws(TierError) -> Never {
    _ = try client().send(S3Request(method: "DELETE", key: fullKey(key), accepted: [404]), scope)
    throw TierError(
      .retriable, "s3://\(configuration.bucket)/\(fullKey(key)) arrived damaged at the service and was removed again")
  }

  /// Reads an object back and compares it.
  func holds(
    _ key: String, _ parts: [UnsafeRawBufferPointer], _ byteCount: Int, _ scope: CallScope
  ) throws(TierError) -> Bool {
    guard let stored = try info(key, scope), stored.byteCount == byteCount else { return false }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 << 20, alignment: 16)
    defer { buffer.deallocate() }
    var position = 0
    while position < byteCount {
      let count = min(buffer.count, byteCount - position)
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      let answer = try readRange(key, UInt64(position), target, scope)
      guard answer.received == count else { return false }
      var at = 0
      for piece in slices(parts, position..<position + count) {
        let stored = UnsafeRawBufferPointer(rebasing: target[at..<at + piece.count])
        if !stored.elementsEqual(piece) { return false }
        at += piece.count
      }
      position += count
    }
    return true
  }
}
