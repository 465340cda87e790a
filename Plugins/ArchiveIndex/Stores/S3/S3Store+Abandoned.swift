import TierKit

/// What a crash leaves in the bucket: uploads in parts that were never completed, which cost money and are in no
/// listing of objects, and probes.
extension S3Store {
  /// Aborts multipart uploads and removes probes of ours that are older than a day.
  func removeAbandoned(_ client: S3Client, _ scope: CallScope) throws(TierError) {
    var found: [Upload] = []
    var page: UploadPage?
    repeat {
      page = try uploads(client, behind: page, scope)
      found += (page?.uploads ?? []).filter {
        $0.key.utf8.starts(with: configuration.prefix.utf8) && isOld($0.begun, page)
      }
    } while page?.isTruncated == true && found.count < StoreLimits.abandonedUploadsMax
    let abandoned = found.prefix(StoreLimits.abandonedUploadsMax)
    for answer in client.send(
      abandoned.map { S3Request(method: "DELETE", key: $0.key, query: [("uploadId", $0.id)], accepted: [404]) }, scope)
    {
      _ = try answer.get()
    }
    if !abandoned.isEmpty {
      host.log(.info, "aborted uploads that an earlier crash left", [("count", "\(abandoned.count)")])
    }
    let probes = try client.page(prefix: fullKey(Self.probePrefix), scope)
    for probe in probes.objects where isOld(probe.modified, page) {
      _ = try client.send(S3Request(method: "DELETE", key: probe.key, accepted: [404]), scope)
    }
  }

  private struct Upload {
    var key: String
    var id: String
    /// Milliseconds since 1970 by the service's clock.
    var begun: Int64
  }

  private struct UploadPage {
    var uploads: [Upload]
    var isTruncated: Bool
    var nextKey: String
    var nextID: String
    /// The service's clock, in milliseconds since 1970; a wrong one of this machine must not make young uploads old.
    var time: Int64
  }

  private func isOld(_ time: Int64, _ page: UploadPage?) -> Bool {
    guard time >= 0, let now = page?.time else { return false }
    return time < now - StoreLimits.abandonedMilliseconds
  }

  private func uploads(
    _ client: S3Client, behind last: UploadPage?, _ scope: CallScope
  ) throws(TierError) -> UploadPage {
    var query = [("uploads", ""), ("prefix", configuration.prefix)]
    if let last { query += [("key-marker", last.nextKey), ("upload-id-marker", last.nextID)] }
    let response = try client.send(
      S3Request(method: "GET", query: query, sink: .memory(byteCountMax: StoreLimits.listingBodyByteCountMax)), scope)
    guard let root = XMLElement.parse(response.body) else {
      throw TierError(.retriable, "s3://\(configuration.bucket): the answer is no listing of uploads")
    }
    let uploads = root.all("Upload").compactMap { element -> Upload? in
      guard let key = element.text("Key"), let id = element.text("UploadId"), !id.isEmpty,
        let begun = element.text("Initiated").flatMap(Timestamp.iso8601)
      else { return nil }
      return Upload(key: key, id: id, begun: begun)
    }
    let next = (root.text("NextKeyMarker") ?? "", root.text("NextUploadIdMarker") ?? "")
    // A page that does not say where to go on, or goes on where it was, would be asked for for ever.
    let goesOn = !next.0.isEmpty && (last.map { $0.nextKey != next.0 || $0.nextID != next.1 } ?? true)
    return UploadPage(
      uploads: uploads, isTruncated: root.text("IsTruncated") == "true" && goesOn, nextKey: next.0, nextID: next.1,
      time: response.header("date").flatMap(Timestamp.http) ?? host.wallClockMilliseconds)
  }
}
