import TierKit

/// What a request's outcome means for the next step. Pure.
enum S3Verdict: Sendable {
  /// An answer for the caller to look at.
  case answer(HTTPResponse)
  /// Worth another try.
  case again(TierError, retryAfter: Int64?)
  /// Worth one after the credentials were fetched again.
  case newCredentials(TierError)
  /// Worth one with the service's clock: its time in milliseconds since 1970.
  case newTime(Int64, TierError)
  /// Worth one signed for another region.
  case newRegion(String, TierError)
  case failed(TierError)
}

/// The body of an S3 error.
struct S3ErrorBody: Equatable {
  var code: String
  var message: String
  var region: String?

  init?(_ bytes: [UInt8]) {
    guard !bytes.isEmpty, let root = XMLElement.parse(bytes), root.name == "Error", let code = root.text("Code") else {
      return nil
    }
    self.code = code
    message = root.text("Message") ?? ""
    region = root.text("Region")
  }
}

enum S3Failure {
  /// `what`: "GET of s3://bucket/key". `accepted`: statuses other than 2xx that the caller looks at itself.
  static func verdict(
    _ result: Result<HTTPResponse, TransportFailure>, _ what: String, accepted: Set<Int>, now: Int64
  ) -> S3Verdict {
    switch result {
    case .success(let response): return verdict(response, what, accepted, now)
    case .failure(.unreachable(let text)):
      return .again(TierError(.retriable, "\(what): no connection (\(text))"), retryAfter: nil)
    case .failure(.timedOut): return .again(TierError(.retriable, "\(what) timed out"), retryAfter: nil)
    case .failure(.cut(let text)): return .again(TierError(.retriable, "\(what) broke off (\(text))"), retryAfter: nil)
    case .failure(.tooLong):
      return .again(TierError(.retriable, "\(what): the answer is longer than what was asked for"), retryAfter: nil)
    case .failure(.tls(let problem, let text)):
      return .failed(TierError(.permanent, "\(what): \(text) (\(problem.advice))"))
    case .failure(.ended): return .failed(TierError(.cancelled, "\(what) was ended"))
    case .failure(.other(let text)): return .again(TierError(.retriable, "\(what) failed: \(text)"), retryAfter: nil)
    }
  }

  private static func verdict(
    _ response: HTTPResponse, _ what: String, _ accepted: Set<Int>, _ now: Int64
  ) -> S3Verdict {
    let body = S3ErrorBody(response.body)
    let status = response.status
    // A 200 may carry an error: CompleteMultipartUpload answers before it knows.
    if (200..<300).contains(status), body == nil { return .answer(response) }
    let code = body?.code ?? ""
    if accepted.contains(status), !isAlwaysAFailure(code) { return .answer(response) }
    let reason = code.isEmpty ? "" : " \(code)"
    let text = "\(what): the service answered \(status)\(reason)" + advice(code, status, body?.message ?? "")
    let retryAfter = RetryPolicy.retryAfter(response.header("retry-after"), now: now)
    if throttleCodes.contains(code) || status == 503 || status == 429 {
      return .again(TierError(.throttled, text), retryAfter: retryAfter)
    }
    if code == "RequestTimeTooSkewed" {
      guard let time = response.header("date").flatMap(Timestamp.http) else {
        return .failed(TierError(.permanent, text))
      }
      return .newTime(time, TierError(.permanent, text))
    }
    if refusedCodes.contains(code) { return .newCredentials(TierError(.permanent, text)) }
    if regionCodes.contains(code) || status == 301 {
      let region = response.header("x-amz-bucket-region") ?? body?.region
      return region.map { .newRegion($0, TierError(.permanent, text)) } ?? .failed(TierError(.permanent, text))
    }
    if damagedCodes.contains(code) { return .again(TierError(.retriable, text), retryAfter: nil) }
    if status == 507 || fullCodes.contains(code) { return .failed(TierError(.noSpace, text)) }
    if status >= 500 && status != 501 || status == 408 || status == 307 || status == 409
      || retriedCodes.contains(code)
    {
      return .again(TierError(.retriable, text), retryAfter: retryAfter)
    }
    return .failed(TierError(status == 404 && !fatalCodes.contains(code) ? .notFound : .permanent, text))
  }

  /// What a service says of the call and not of the object: no caller takes this for what it asked.
  private static func isAlwaysAFailure(_ code: String) -> Bool {
    code == "RequestTimeTooSkewed"
      || [fatalCodes, throttleCodes, refusedCodes, regionCodes, damagedCodes].contains { $0.contains(code) }
  }

  private static let fatalCodes: Set<String> = [
    "NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch",
  ]
  private static let throttleCodes: Set<String> = [
    "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "RequestLimitExceeded", "Throttling",
    "ThrottlingException", "TooManyRequests", "BandwidthLimitExceeded",
  ]
  /// Said of credentials that have ended, and of keys that were replaced and are gone: others may be at their source.
  private static let refusedCodes: Set<String> = [
    "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
  ]
  private static let regionCodes: Set<String> = [
    "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
  ]
  /// The service found that the bytes changed on their way.
  private static let damagedCodes: Set<String> = [
    "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody",
  ]
  private static let fullCodes: Set<String> = ["QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity"]
  private static let retriedCodes: Set<String> = ["RequestTimeout", "InternalError", "OperationAborted"]

  /// What to do about it, in the operator's words.
  private static func advice(_ code: String, _ status: Int, _ message: String) -> String {
    switch code {
    case "NoSuchBucket": " (create the bucket, or correct 'bucket' or 'endpoint')"
    case "AccessDenied":
      " (the credentials need s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and "
        + "s3:ListBucketMultipartUploads here)"
    case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
      " (the temporary credentials have ended and their source has no newer ones)"
    case "InvalidAccessKeyId": " (the service does not know this access key: check the credentials and the endpoint)"
    case "SignatureDoesNotMatch":
      " (check the secret access key, the region and whether something on the way changes requests)"
    case "PermanentRedirect", "AuthorizationHeaderMalformed": " (the bucket is in another region: set 'region')"
    case "TemporaryRedirect": " (the bucket is being moved or is new; this ends by itself)"
    case "RequestTimeTooSkewed": " (this machine's clock is wrong)"
    case "":
      status == 301 ? " (the bucket is in another region: set 'region' or 'endpoint')"
        : status == 403 ? " (access denied: check the credentials and their permissions)" : ""
    default: message.isEmpty ? "" : " (\(message.prefix(200)))"
    }
  }
}
