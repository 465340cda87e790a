import Glibc

/// A host and a port, written `host:port`, `192.0.2.1:9092` or `[2001:db8::1]:9092`.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// A name, an IPv4 address, or an IPv6 address without brackets.
  public let host: String
  public let port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// The written form, with brackets around IPv6.
  public var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  public var isIPv6: Bool { host.contains(":") }

  /// Whether this listens on every interface, and therefore names none that a client could connect to.
  public var isWildcard: Bool {
    var address = in6_addr()
    if isIPv6, inet_pton(AF_INET6, host, &address) == 1 {
      return withUnsafeBytes(of: address) { $0.allSatisfy { $0 == 0 } }
    }
    return host == "0.0.0.0"
  }

  static func parse(_ text: String, allowsPortZero: Bool) -> Result<Endpoint, ValueProblem> {
    let expected = "host:port, with IPv6 in brackets, such as 127.0.0.1:9092 or [::1]:9092"
    func failure(_ message: String, _ suggestion: String? = nil) -> Result<Endpoint, ValueProblem> {
      .failure(ValueProblem(message, expected: expected, suggestion: suggestion))
    }
    if let scheme = text.firstRange(of: "://") {
      return failure("\(text.quoted) has a scheme, which is not used here", String(text[scheme.upperBound...]))
    }
    let host: Substring
    let rest: Substring
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { return failure("\(text.quoted) has no closing bracket") }
      host = text[text.index(after: text.startIndex)..<close]
      rest = text[text.index(after: close)...]
      guard isIPv6Address(host) else { return failure("\(String(host).quoted) is not an IPv6 address") }
    } else {
      if isIPv6Address(text) {
        return failure("\(text.quoted) is an IPv6 address without brackets or port", "[\(text)]:9092")
      }
      let end = text.lastIndex(of: ":") ?? text.endIndex
      (host, rest) = (text[..<end], text[end...])
      if isIPv6Address(host) {
        return failure("\(text.quoted) has an IPv6 address without brackets", "[\(host)]\(rest)")
      }
    }
    if rest.isEmpty {
      let bare = IntegerText.isDigits(host) ? "127.0.0.1:\(host)" : text + ":9092"
      return failure("\(text.quoted) has no port", bare)
    }
    guard rest.hasPrefix(":"), IntegerText.isDigits(rest.dropFirst()), let port = UInt16(rest.dropFirst()) else {
      return failure("\(String(rest.drop { $0 == ":" }).quoted) is not a port from \(allowsPortZero ? 0 : 1) to 65535")
    }
    if host.isEmpty || host == "*" { return failure("\(text.quoted) has no host", "0.0.0.0:\(port)") }
    if !text.hasPrefix("["), let problem = nameProblem(host) { return failure(problem) }
    if port == 0, !allowsPortZero { return failure("port 0 is not a port that a client can connect to") }
    return .success(Endpoint(host: String(host), port: port))
  }

  /// What keeps this from being a host name or an IPv4 address.
  private static func nameProblem(_ host: Substring) -> String? {
    let name = String(host)
    if host.contains(":") || host.utf8.count > 253 { return "\(name.quoted) is not a host" }
    if name.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || IntegerText.isDigits(String(Unicode.Scalar($0))) }) {
      var address = in_addr()
      return inet_pton(AF_INET, name, &address) == 1 ? nil : "\(name.quoted) is not an IPv4 address"
    }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
        && label.unicodeScalars.allSatisfy {
          $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_")
        }
    }
    return isName ? nil : "\(name.quoted) is not a host name"
  }

  private static func isIPv6Address(_ text: some StringProtocol) -> Bool {
    var address = in6_addr()
    return text.contains(":") && inet_pton(AF_INET6, String(text), &address) == 1
  }
}
