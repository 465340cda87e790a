import HTTPTypes

/// An answer that says why there is no other: the status, a code for programs and a sentence for people.
struct HTTPProblem: Error, Sendable, Equatable {
  var status: HTTPResponse.Status
  /// Stable, in lower case with underscores.
  var code: String
  var message: String
  /// Methods that the path knows, when the method was the problem.
  var allow: String?
  /// Seconds after which a repetition makes sense.
  var retryAfter: Int?

  init(_ status: HTTPResponse.Status, _ code: String, _ message: String, allow: String? = nil, retryAfter: Int? = nil) {
    self.status = status
    self.code = code
    self.message = message
    self.allow = allow
    self.retryAfter = retryAfter
  }

  static func badRequest(_ message: String) -> HTTPProblem { HTTPProblem(.badRequest, "bad_request", message) }

  static func methodNotAllowed(_ allow: String) -> HTTPProblem {
    HTTPProblem(.methodNotAllowed, "method_not_allowed", "this path knows \(allow)", allow: allow)
  }

  init(_ refusal: SearchRefusal) {
    switch refusal {
    case .invalid(let sentence): self.init(.badRequest, "bad_query", sentence)
    case .unknownTopic(let topic): self.init(.notFound, "unknown_topic", "there is no topic \(topic)")
    case .unknownPartition(let topic, let partition, let count):
      self.init(
        .notFound, "unknown_partition", "topic \(topic) has the partitions 0 to \(count - 1), not \(partition)")
    case .notOffered:
      self.init(
        .notImplemented, "search_not_offered",
        "no tier of this broker's chain can search; add one that can (ArchiveIndex) to the chain in chronik.yaml; "
          + "\"chronik plugins list\" shows which tiers have the ability search")
    case .busy:
      self.init(
        .serviceUnavailable, "busy",
        "as many searches are under way as http.max_searches and http.max_queued_searches allow",
        retryAfter: 1)
    case .waitedTooLong:
      self.init(.serviceUnavailable, "busy", "the search waited for its turn until its time had passed", retryAfter: 1)
    case .cancelled:
      self.init(
        .serviceUnavailable, "cancelled", "the search was ended early: the client closed its side, or the broker stops")
    case .failed(let sentence): self.init(.internalServerError, "search_failed", sentence)
    }
  }

  /// {"error":{"code":…,"message":…}}
  var json: [UInt8] {
    var text = JSONWriter()
    text.raw("{\"error\":{\"code\":")
    text.string(code)
    text.raw(",\"message\":")
    text.string(message)
    text.raw("}}\n")
    return text.bytes
  }
}
