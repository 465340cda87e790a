import KafkaProtocol

/// Lists what is served. A version out of range is answered in the v0 layout with UNSUPPORTED_VERSION and the list, so
/// that the client can try again (KIP-511).
enum ApiVersionsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...4

  static func handle(_ request: ApiVersionsRequest, _ context: RequestContext) {
    guard context.version < 3 || isPlausible(request) else {
      var response = ApiVersionsResponse()
      response.errorCode = .invalidRequest
      return context.respond(response)
    }
    context.connection.clientSoftware = "\(request.clientSoftwareName) \(request.clientSoftwareVersion)"
    context.respond(response)
  }

  static func respondOutOfRange(_ context: RequestContext) {
    var answer = response
    answer.errorCode = .unsupportedVersion
    context.respond(answer, version: 0)
  }

  private static var response: ApiVersionsResponse {
    var response = ApiVersionsResponse()
    response.apiKeys = HandlerTable.rows.map { row in
      var entry = ApiVersionsResponse.ApiVersion()
      entry.apiKey = row.api.rawValue
      entry.minVersion = row.advertisedVersions.lowerBound
      entry.maxVersion = row.advertisedVersions.upperBound
      return entry
    }
    return response
  }

  /// KIP-511: name and version begin and end alphanumerically and hold only letters, digits, dots and dashes.
  private static func isPlausible(_ request: ApiVersionsRequest) -> Bool {
    [request.clientSoftwareName, request.clientSoftwareVersion].allSatisfy { text in
      guard let first = text.utf8.first, let last = text.utf8.last else { return false }
      return isAlphanumeric(first) && isAlphanumeric(last)
        && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
  }
}
