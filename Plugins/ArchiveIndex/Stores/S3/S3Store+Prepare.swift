import TierKit

extension S3Store {
  /// Beginning of keys that no object can have: probes are never listed.
  static let probePrefix = "!chronik-probe-"

  /// Shows that bucket and credentials are right and learns what the service can do.
  func prepare(_ scope: CallScope) throws(TierError) -> Abilities {
    let client = try client()
    if configuration.scheme == "https", !configuration.tls.verify {
      host.log(
        .warning, "tls_verify is false: whoever is on the way to the object store can read and change what it holds",
        [("endpoint", configuration.host)])
    }
    let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", configuration.prefix)]
    _ = try client.send(S3Request(method: "GET", query: query), scope)
    let abilities = try probe(client, scope)
    if !abilities.conditionalPuts {
      host.log(
        .warning,
        "the object store ignores If-None-Match: an object is looked for before it is put, "
          + "which two writers at once can defeat",
        [("bucket", configuration.bucket)])
    }
    do throws(TierError) {
      try removeAbandoned(client, scope)
    } catch where error.code != .cancelled {
      host.log(.warning, "what an earlier crash left in the bucket was not cleaned up", [("error", error.message)])
    }
    return abilities
  }

  /// Creates one key twice, and demands that the second time fails; then another one that sorts before it, and looks at
  /// the listing of both.
  private func probe(_ client: S3Client, _ scope: CallScope) throws(TierError) -> Abilities {
    let name = fullKey(Self.probePrefix + String(host.random, radix: 16))
    let key = name + "/second"
    let bytes = Array("chronik: may this be overwritten?\n".utf8)
    var abilities = Abilities(conditionalPuts: true, checksums: true)
    let first = try client.sendPut(key, bytes, checksum: true, ifAbsent: true, accepted: [400, 501], scope)
    if !first.isSuccess {
      // One of the two is not known there; which one shows without the checksum.
      abilities.checksums = false
      let second = try client.sendPut(key, bytes, checksum: false, ifAbsent: true, accepted: [400, 501], scope)
      if !second.isSuccess {
        abilities.conditionalPuts = false
        _ = try client.sendPut(key, bytes, checksum: false, ifAbsent: false, accepted: [], scope)
      }
    }
    if abilities.conditionalPuts {
      // 404 is what some services say where others say 412.
      let again = try client.sendPut(
        key, bytes, checksum: abilities.checksums, ifAbsent: true, accepted: [412, 409, 404], scope)
      abilities.conditionalPuts = !again.isSuccess
    }
    let earlier = name + "-first"
    _ = try client.sendPut(earlier, bytes, checksum: abilities.checksums, ifAbsent: false, accepted: [], scope)
    let listed = try client.page(prefix: name, scope).objects.map(\.key)
    guard Set(listed) == [key, earlier] else {
      throw TierError(
        .permanent,
        "s3://\(configuration.bucket): the service does not list what was just put, which no archive can live with")
    }
    abilities.ordersByKey = listed == [earlier, key]
    for probe in [key, earlier] {
      _ = try client.send(S3Request(method: "DELETE", key: probe, accepted: [404]), scope)
    }
    return abilities
  }
}

extension S3Client {
  fileprivate func sendPut(
    _ key: String, _ bytes: [UInt8], checksum: Bool, ifAbsent: Bool, accepted: Set<Int>, _ scope: CallScope
  ) throws(TierError) -> HTTPResponse {
    try withStableBytes(bytes) { (stable) throws(TierError) in
      try send(
        S3Payload([stable]).request("PUT", key, checksum: checksum, ifAbsent: ifAbsent, accepted: accepted), scope)
    }
  }
}

extension HTTPResponse {
  var isSuccess: Bool { (200..<300).contains(status) }
}
