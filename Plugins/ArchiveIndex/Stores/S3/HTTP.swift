/// One HTTP request. `body` and the buffer of `sink` are borrowed until the transport has answered.
struct HTTPRequest: @unchecked Sendable {
  enum Sink {
    /// Collects the body; an answer with more bytes fails.
    case memory(byteCountMax: Int)
    /// Writes the body of a 2xx answer to memory of the caller; an answer with more bytes fails. Other answers are
    /// collected as by `memory`.
    case buffer(UnsafeMutableRawBufferPointer)
  }

  var method: String
  var url: String
  var headers: [(String, String)]
  var body: [UnsafeRawBufferPointer] = []
  var sink: Sink = .memory(byteCountMax: StoreLimits.errorBodyByteCountMax)
  var timeoutMilliseconds: Int
  var connectTimeoutMilliseconds: Int
  /// Never through a proxy.
  var isLocal = false

  var bodyByteCount: Int { body.reduce(0) { $0 + $1.count } }
}

struct HTTPResponse: Sendable, Equatable {
  var status: Int
  /// Names in lower case; of repeated ones the last.
  var headers: [String: String] = [:]
  var body: [UInt8] = []
  /// Bytes written to the request's buffer.
  var bufferedByteCount = 0

  func header(_ name: String) -> String? { headers[name] }
  var contentLength: Int? { headers["content-length"].flatMap { Int($0) } }
}

/// Why there is no answer.
enum TransportFailure: Error, Equatable {
  /// The name could not be resolved or nobody accepted the connection.
  case unreachable(String)
  case timedOut
  /// The connection broke, or the body ended before its length.
  case cut(String)
  /// The certificate or the TLS set-up; repeating does not help.
  case tls(TLSProblem, String)
  /// More bytes than were asked for.
  case tooLong
  /// The caller's scope ended it.
  case ended
  case other(String)
}

/// What keeps a connection from being trusted.
enum TLSProblem: Sendable, Equatable {
  case unknownAuthority, expired, notYetValid, wrongHost, authorityFile, notTLS, other

  /// What to do about it, in the operator's words.
  var advice: String {
    switch self {
    case .unknownAuthority: "set 'ca_file' to a PEM file with the authority that signed the service's certificate"
    case .expired: "the service's certificate has to be renewed, or this machine's clock is wrong"
    case .notYetValid: "the service's certificate is not valid yet, or this machine's clock is wrong"
    case .wrongHost:
      "the certificate is for other hosts: set 'endpoint' to one of its names; a bucket with a dot in its name, or a "
        + "service without a name for each bucket, needs 'path_style: true'"
    case .authorityFile: "'ca_file' has to be a PEM file with certificates that the broker may read"
    case .notTLS:
      "nobody speaks TLS there: set 'endpoint' to the port that does, or to http:// if that is what is wanted"
    case .other: "the service and this machine agree on no version or cipher of TLS, or it wants a client's certificate"
    }
  }
}

/// Sends requests. One implementation speaks to the network; tests have others.
protocol HTTPTransport: Sendable {
  /// Sends all of them, in parallel as far as the transport's own bound allows, and returns when each was answered or
  /// `scope` ended. The answers have the order of the requests. [thread] any. [blocking] yes.
  func perform(_ requests: [HTTPRequest], _ scope: CallScope) -> [Result<HTTPResponse, TransportFailure>]
  /// Called once, after every perform has returned.
  func stop()
}
