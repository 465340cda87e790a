import HTTPTypes

/// A whole answer in memory.
struct HTTPReply: Sendable {
  var status: HTTPResponse.Status = .ok
  var fields: HTTPFields = [:]
  var body: [UInt8] = []
  /// Given back once the client has the answer.
  var place: SearchPlace?

  init(_ body: [UInt8], place: SearchPlace? = nil) {
    self.body = body
    self.place = place
  }

  /// No body, for OPTIONS.
  init(allow: String) {
    status = .noContent
    fields[.allow] = allow
  }

  init(_ problem: HTTPProblem) {
    status = problem.status
    body = problem.json
    if let allow = problem.allow { fields[.allow] = allow }
    if let seconds = problem.retryAfter { fields[.retryAfter] = String(seconds) }
  }

  /// The head with what every answer carries: its type and length, that nobody keeps it, and that nobody guesses.
  var head: HTTPResponse {
    var fields = fields
    HTTPReply.addCommon(&fields)
    if status != .noContent { fields[.contentLength] = String(body.count) }
    return HTTPResponse(status: status, headerFields: fields)
  }

  static func addCommon(_ fields: inout HTTPFields) {
    fields[.contentType] = "application/json"
    fields[.cacheControl] = "no-store"
    fields[.xContentTypeOptions] = "nosniff"
  }
}
