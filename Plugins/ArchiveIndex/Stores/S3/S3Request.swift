import TierKit

/// One request to the service before it is signed. `body` and the sink's buffer are borrowed until it was answered.
struct S3Request: @unchecked Sendable {
  var method: String
  /// With the configured prefix; nil: the bucket itself.
  var key: String?
  var query: [(String, String)] = []
  /// Signed with the rest.
  var headers: [(String, String)] = []
  var body: [UnsafeRawBufferPointer] = []
  /// SHA-256 of the body in hex.
  var payloadHash = S3Request.emptyHash
  var sink: HTTPRequest.Sink = .memory(byteCountMax: StoreLimits.errorBodyByteCountMax)
  /// Statuses other than 2xx that the caller looks at.
  var accepted: Set<Int> = []
  /// What is wrong with an answer; a `retriable` or `corrupt` failure is tried again.
  var check: @Sendable (HTTPResponse) -> TierError? = { _ in nil }

  static let emptyHash = Digest.hex(Digest.sha256([UInt8]()))

  /// Where it goes, for URL and signature.
  func address(_ configuration: S3Configuration, region: String) -> (host: String, path: String) {
    let host = configuration.isDefaultEndpoint ? S3Configuration.defaultHost(region) : configuration.host
    let path = key.map { "/" + Signature.encoded($0, keepingSlashes: true) } ?? "/"
    if configuration.usesPathStyle {
      return (host, "/\(configuration.bucket)" + (key == nil ? "" : path))
    }
    return ("\(configuration.bucket).\(host)", path)
  }

  func signed(
    _ configuration: S3Configuration, _ credentials: Credentials, region: String, time: Int64, timeout: Int64
  ) -> HTTPRequest {
    let (host, path) = address(configuration, region: region)
    var sent = headers
    sent.append(("x-amz-date", Signature.stamps(time).time))
    sent.append(("x-amz-content-sha256", payloadHash))
    if let token = credentials.sessionToken { sent.append(("x-amz-security-token", token)) }
    let authorization = Signature(credentials: credentials, region: region, time: time).authorization(
      method: method, path: path, query: query, headers: sent + [("host", host)], payloadHash: payloadHash)
    let search = query.isEmpty ? "" : "?" + Signature.canonicalQuery(query)
    return HTTPRequest(
      method: method, url: "\(configuration.scheme)://\(host)\(path)\(search)",
      headers: sent + [("Authorization", authorization)], body: body, sink: sink,
      timeoutMilliseconds: Int(max(1, min(Int64(configuration.requestTimeout), timeout))),
      connectTimeoutMilliseconds: Int(max(1, min(Int64(configuration.connectTimeout), timeout))))
  }

  func what(_ configuration: S3Configuration) -> String {
    "\(method) of s3://\(configuration.bucket)/\(key ?? "")"
  }
}
