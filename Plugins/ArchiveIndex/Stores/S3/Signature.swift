import Glibc

/// Access to a service. Never logged: its description hides the secrets.
struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  var accessKeyID: String
  var secretAccessKey: String
  var sessionToken: String?

  var description: String { "credentials (hidden)" }
  var customMirror: Mirror { Mirror(self, children: []) }

  /// Whether they can be put into a header: a key and a secret of visible ASCII characters.
  var isWellFormed: Bool {
    !accessKeyID.isEmpty && !secretAccessKey.isEmpty
      && [accessKeyID, secretAccessKey, sessionToken ?? ""].allSatisfy { $0.utf8.allSatisfy(Self.isPlain) }
  }

  static func isPlain(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }
}

/// AWS Signature Version 4 in the Authorization header, for S3: the path is encoded once.
struct Signature {
  var credentials: Credentials
  var region: String
  var service = "s3"
  /// Milliseconds since 1970 by the service's clock.
  var time: Int64

  /// The value of the Authorization header. `path` is encoded already; `query` is not; `headers` are all that are
  /// signed, host and x-amz-date among them. `payloadHash`: SHA-256 in hex, or UNSIGNED-PAYLOAD.
  func authorization(
    method: String, path: String, query: [(String, String)], headers: [(String, String)], payloadHash: String
  ) -> String {
    let sorted = headers.map { ($0.0.lowercased(), Self.trimmed($0.1)) }.sorted { $0.0 < $1.0 }
    let names = sorted.map(\.0).joined(separator: ";")
    let canonical = [
      method, path, Self.canonicalQuery(query), sorted.map { "\($0.0):\($0.1)\n" }.joined(), names, payloadHash,
    ].joined(separator: "\n")
    let (date, stamp) = Self.stamps(time)
    let scope = "\(date)/\(region)/\(service)/aws4_request"
    let text = ["AWS4-HMAC-SHA256", stamp, scope, Digest.hex(Digest.sha256(Array(canonical.utf8)))]
      .joined(separator: "\n")
    var key = Array("AWS4\(credentials.secretAccessKey)".utf8)
    for part in [date, region, service, "aws4_request"] { key = Digest.hmacSHA256(key, part) }
    let signature = Digest.hex(Digest.hmacSHA256(key, text))
    return
      "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
  }

  /// Sorted by encoded name, then value, as the signature wants it and as the URL may have it too.
  static func canonicalQuery(_ query: [(String, String)]) -> String {
    query.map { (encoded($0.0), encoded($0.1)) }.sorted { $0 < $1 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// RFC 3986 with upper-case digits; a slash stays one in paths.
  static func encoded(_ text: String, keepingSlashes: Bool = false) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.append(byte)
      case UInt8(ascii: "/") where keepingSlashes: result.append(byte)
      default: result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// "20130524" and "20130524T000000Z".
  static func stamps(_ milliseconds: Int64) -> (date: String, time: String) {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let date = "\(parts.tm_year + 1900)\(padded(parts.tm_mon + 1))\(padded(parts.tm_mday))"
    return (date, "\(date)T\(padded(parts.tm_hour))\(padded(parts.tm_min))\(padded(parts.tm_sec))Z")
  }

  /// Without spaces around, and with single ones inside.
  private static func trimmed(_ value: String) -> String { value.split(separator: " ").joined(separator: " ") }
}
