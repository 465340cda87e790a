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
  case tls(String)
  /// More bytes than were asked for.
  case tooLong
  /// The caller's scope ended it.
  case ended
  case other(String)
}

/// Sends requests. One implementation speaks to the network; tests have others.
protocol HTTPTransport: Sendable {
  /// Sends all of them, in parallel as far as the transport's own bound allows, and returns when each was answered or
  /// `scope` ended. The answers have the order of the requests. [thread] any. [blocking] yes.
  func perform(_ requests: [HTTPRequest], _ scope: CallScope) -> [Result<HTTPResponse, TransportFailure>]
  /// Called once, after every perform has returned.
  func stop()
}
