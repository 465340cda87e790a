import TierKit

extension S3Store {
  /// Uploads in parts. What fails is aborted; what a crash leaves is aborted at a later start.
  func putInParts(
    _ key: String, _ parts: [UnsafeRawBufferPointer], _ byteCount: Int, ifAbsent: Bool, _ abilities: Abilities,
    _ scope: CallScope
  ) throws(TierError) -> Bool {
    let begun = try client().send(S3Request(method: "POST", key: fullKey(key), query: [("uploads", "")]), scope)
    guard let id = XMLElement.parse(begun.body)?.text("UploadId"), !id.isEmpty else {
      throw TierError(
        .retriable, "s3://\(configuration.bucket)/\(fullKey(key)): the service began an upload without an id")
    }
    do throws(TierError) {
      let uploaded = try uploadParts(key, parts, byteCount, id, scope)
      let created = try complete(
        key, id, uploaded, byteCount, isConditional: ifAbsent && abilities.conditionalPuts, scope)
      if !created { abort(key, id) }
      guard created, !uploaded.allSatisfy(\.isVerified) else { return created }
      if try !holds(key, parts, byteCount, scope) { try removeDamaged(key, scope) }
      return true
    } catch {
      abort(key, id)
      throw error
    }
  }

  struct UploadedPart {
    /// As the service named it, quotes included.
    var etag: String
    var md5: [UInt8]?
    var isVerified: Bool
  }

  private func uploadParts(
    _ key: String, _ parts: [UnsafeRawBufferPointer], _ byteCount: Int, _ id: String, _ scope: CallScope
  ) throws(TierError) -> [UploadedPart] {
    let partByteCount = max(
      configuration.partByteCount, (byteCount + StoreLimits.partsMax - 1) / StoreLimits.partsMax)
    let starts = Array(stride(from: 0, to: byteCount, by: partByteCount))
    var uploaded: [UploadedPart] = []
    // As many as there are connections: the checksums of the next parts are not computed long before they are sent.
    for wave in stride(from: 0, to: starts.count, by: configuration.connectionsMax) {
      let payloads = starts[wave..<min(starts.count, wave + configuration.connectionsMax)].map {
        S3Payload(slices(parts, $0..<min(byteCount, $0 + partByteCount)))
      }
      let requests = payloads.enumerated().map { index, payload in
        payload.request(
          "PUT", fullKey(key), query: [("partNumber", "\(wave + index + 1)"), ("uploadId", id)], checksum: false,
          ifAbsent: false, accepted: [])
      }
      for (payload, answer) in zip(payloads, try client().send(requests, scope)) {
        let response = try answer.get()
        guard let etag = response.header("etag") else {
          throw TierError(.permanent, "s3://\(configuration.bucket): the service stored a part without an ETag")
        }
        uploaded.append(
          UploadedPart(etag: etag, md5: payload.md5Bytes, isVerified: payload.arrival(response) == .verified))
      }
    }
    return uploaded
  }

  /// False: an object was there already.
  private func complete(
    _ key: String, _ id: String, _ uploaded: [UploadedPart], _ byteCount: Int, isConditional: Bool,
    _ scope: CallScope
  ) throws(TierError) -> Bool {
    let list = uploaded.enumerated().map {
      "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\(escaped($1.etag))</ETag></Part>"
    }
    let bytes = Array("<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>".utf8)
    let response = try withStableBytes(bytes) { (body) throws(TierError) in
      let payload = S3Payload([body])
      return try client().send(
        payload.request(
          "POST", fullKey(key), query: [("uploadId", id)], checksum: false, ifAbsent: isConditional,
          accepted: isConditional ? [404, 409, 412] : [404]), scope)
    }
    if response.isSuccess { return true }
    // No such upload: an earlier try was done although its answer was lost, or somebody aborted it.
    guard let stored = try info(key, scope) else {
      throw TierError(
        .retriable,
        "s3://\(configuration.bucket)/\(fullKey(key)): the upload could not be completed (\(response.status))")
    }
    if response.status != 404 { return false }
    let md5s = uploaded.compactMap(\.md5)
    let etag = withStableBytes(md5s.flatMap { $0 }) { Digest.md5([$0]) }.map { "\(Digest.hex($0))-\(uploaded.count)" }
    return stored.byteCount == byteCount && etag != nil && String(decoding: stored.etag, as: UTF8.self) == etag
  }

  /// Also after the deadline, but for a second at most: what stays is aborted at a later start.
  private func abort(_ key: String, _ id: String) {
    let scope = CallScope(StoreCall(deadline: host.monotonicNanoseconds + 800_000_000), gate, host)
    do throws(TierError) {
      _ = try client().send(
        S3Request(method: "DELETE", key: fullKey(key), query: [("uploadId", id)], accepted: [404]), scope)
    } catch {
      host.log(
        .warning, "an upload in parts could not be aborted; a start after a day does it", [("error", error.message)])
    }
  }
}

/// Text for an XML document.
func escaped(_ text: String) -> String {
  var result = ""
  for character in text.unicodeScalars {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.unicodeScalars.append(character)
    }
  }
  return result
}

/// Calls `body` with a copy of the bytes that stays where it is.
func withStableBytes<R, E: Error>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { copy.deallocate() }
  copy.copyBytes(from: bytes)
  return try body(UnsafeRawBufferPointer(copy))
}
