import Configuration
import Glibc
import HTTPTypes

/// Keeps web pages away from a port on this machine. Pure.
///
/// A page cannot read an answer without CORS headers, which this server never sends, unless its own name resolves to
/// this machine (DNS rebinding); such a request carries that name in its Host header. So a port on a loopback address
/// answers only to addresses, to localhost and to the name it listens on. A port that was opened to a network is as
/// open as that network and is not guarded by names.
struct HostGuard: Sendable {
  private let listen: Endpoint
  private let isGuarded: Bool

  init(_ listen: Endpoint) {
    self.listen = listen
    isGuarded = listen.host == "localhost" || listen.host == "::1" || listen.host.hasPrefix("127.")
  }

  func check(authority: String?, origin: String?) throws(HTTPProblem) {
    if isGuarded, let authority, !authority.isEmpty, !isHere(authority) {
      throw HTTPProblem(
        .misdirectedRequest, "wrong_host",
        "this port listens on \(listen.host) and answers to that name, localhost and IP addresses only")
    }
    if let origin, origin != "http://\(authority ?? "")" {
      throw HTTPProblem(.forbidden, "foreign_origin", "requests from web pages of another origin are not served")
    }
  }

  private func isHere(_ authority: String) -> Bool {
    if authority.hasPrefix("[") { return true }
    let host = String(authority.prefix { $0 != ":" }).lowercased()
    var address = in_addr()
    return host == "localhost" || host == listen.host.lowercased() || inet_pton(AF_INET, host, &address) == 1
  }
}
