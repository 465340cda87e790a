/// What stands in front of every request body, after the frame's size:
/// ```
/// api_key int16 · api_version int16 · correlation_id int32 · client_id int16 length or -1, bytes · [v2: tagged fields]
/// ```
/// `client_id` keeps its 16-bit length in flexible versions too.
public struct RequestHeader: Sendable, Equatable {
  /// As sent; `api` is nil when it is none of ours.
  public var apiKey: Int16
  public var apiVersion: Int16
  /// Comes back in the response.
  public var correlationID: Int32
  /// Free text of the client; bytes that are not UTF-8 are replaced, because a name is no reason to refuse a request.
  public var clientID: String?
  /// Index into the frame where the body starts. For an unknown API the header's end is unknown, and this is at most a
  /// guess.
  public var bodyPosition: Int

  public init(
    apiKey: Int16, apiVersion: Int16, correlationID: Int32, clientID: String?, bodyPosition: Int = 0
  ) {
    self.apiKey = apiKey
    self.apiVersion = apiVersion
    self.correlationID = correlationID
    self.clientID = clientID
    self.bodyPosition = bodyPosition
  }

  public var api: APIKey? { APIKey(rawValue: apiKey) }

  /// Reads the header that starts at index `position` of `frame` (behind the size, if `frame` includes it).
  ///
  /// For an API that is not in `APIKey` this throws only if the correlation id is not there; a client id that cannot be
  /// read is nil then. For a known API, of any version, the whole header must be sound.
  public static func decode(
    from frame: UnsafeRawBufferPointer, at position: Int = 0
  ) throws(WireError) -> RequestHeader {
    var field = FieldCoder(reading: frame, at: position, version: 1, isFlexible: false)
    var header = RequestHeader(
      apiKey: try field.load(Int16.self), apiVersion: try field.load(Int16.self),
      correlationID: try field.load(Int32.self), clientID: nil)
    header.bodyPosition = field.position
    guard let api = header.api else {
      // What cannot be read of an unknown request is no reason to leave it without an answer.
      if let clientID = try? field.loadClientID() {
        header.clientID = clientID
        header.bodyPosition = field.position
      }
      return header
    }
    do throws(WireError) {
      header.clientID = try field.loadClientID()
      if api.requestHeaderVersion(header.apiVersion) >= 2 {
        try field.skipTags(try field.loadVarint())
      }
    } catch {
      throw WireError(
        error.problem, position: error.position, apiKey: api, version: header.apiVersion)
    }
    header.bodyPosition = field.position
    return header
  }

  /// Writes the header, in the version that `APIKey` has for the API and version in it.
  func write(to field: inout FieldCoder) throws(WireError) {
    field.store(apiKey)
    field.store(apiVersion)
    field.store(correlationID)
    if let clientID {
      let bytes = Array(clientID.utf8)
      guard let length = Int16(exactly: bytes.count) else {
        throw field.failure(.tooLong, at: field.position)
      }
      field.store(length)
      bytes.withUnsafeBytes { field.store(contentsOf: $0) }
    } else {
      field.store(-1 as Int16)
    }
    if let api, api.requestHeaderVersion(apiVersion) >= 2 { field.storeVarint(0) }
  }
}

extension FieldCoder {
  fileprivate mutating func loadClientID() throws(WireError) -> String? {
    let lengthPosition = position
    let length = Int(try load(Int16.self))
    guard length >= 0 else {
      if length < -1 { throw failure(.negativeLength, at: lengthPosition) }
      return nil
    }
    let start = try take(length)
    return String(
      decoding: UnsafeRawBufferPointer(start: base + start, count: length), as: UTF8.self)
  }
}

/// What stands in front of every response body, after the frame's size: the correlation id and, in version 1, tagged
/// fields. For the client side of tests and tools.
public struct ResponseHeader: Sendable, Equatable {
  public var correlationID: Int32
  /// Index into the frame where the body starts.
  public var bodyPosition: Int

  /// Reads the header that starts at index `position` of `frame` (behind the size, if `frame` includes it) and answers
  /// a request of that API and version.
  public static func decode(
    from frame: UnsafeRawBufferPointer, at position: Int = 0, apiKey: APIKey, version: Int16
  ) throws(WireError) -> ResponseHeader {
    var field = FieldCoder(reading: frame, at: position, version: version, isFlexible: false)
    let correlationID = try field.load(Int32.self)
    if apiKey.responseHeaderVersion(version) >= 1 { try field.skipTags(try field.loadVarint()) }
    return ResponseHeader(correlationID: correlationID, bodyPosition: field.position)
  }
}
