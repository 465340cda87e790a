import Configuration
import Glibc
import NIOCore

/// A listening address cannot be had: which one, why, and what to do about it.
struct ListenFailure: Error, CustomStringConvertible {
  /// Who wanted to listen, and the option that chooses another address.
  enum Port: Sendable { case kafka, http }

  var port: Port
  var endpoint: Endpoint
  /// A sentence without a full stop.
  var reason: String

  init(_ port: Port, _ endpoint: Endpoint, _ error: any Error) {
    self.port = port
    self.endpoint = endpoint
    reason = Self.reason(error, endpoint)
  }

  var description: String {
    switch port {
    case .kafka: "cannot listen on \(endpoint): \(reason), or choose another address with --listen"
    case .http:
      "cannot listen on \(endpoint) for HTTP: \(reason), or choose another address with --http-listen (off for none)"
    }
  }

  private static func reason(_ error: any Error, _ endpoint: Endpoint) -> String {
    if let error = error as? SocketAddressError.UnknownHost {
      return "\(error.host) cannot be resolved: \(error.errorDescription); correct the name"
    }
    guard let error = error as? IOError else { return "\(error); change that" }
    let text = String(cString: strerror(error.errnoCode))
    return switch error.errnoCode {
    case EADDRINUSE: "\(text); stop what uses it"
    case EADDRNOTAVAIL: "\(text); name one of this machine"
    case EACCES where endpoint.port < 1024: "\(text); ports below 1024 need a privilege: grant it"
    default: "\(text); change that"
    }
  }
}
