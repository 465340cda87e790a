/// Bytes ready to be sent, with the places where record bytes that the codec does not have go in between.
public struct EncodedMessage: Sendable, Equatable {
  public var bytes: [UInt8]
  /// In ascending order of position; see `Splice`.
  public var splices: [Splice]

  public init(bytes: [UInt8], splices: [Splice] = []) {
    self.bytes = bytes
    self.splices = splices
  }

  init(_ field: borrowing FieldCoder) {
    self.init(bytes: field.withWrittenBytes { [UInt8]($0) }, splices: field.splices)
  }

  /// Count of bytes that go over the wire, external ones included.
  public var byteCount: Int { splices.reduce(bytes.count) { $0 + $1.byteCount } }

  /// The bytes with `external[i]` in the place of splice i. For small messages and tests; the data path sends the
  /// pieces instead. Precondition: one piece per splice, each of the size it was announced with.
  public func assembled(external pieces: [[UInt8]]) -> [UInt8] {
    precondition(pieces.count == splices.count, "one piece of external bytes per splice")
    var result: [UInt8] = []
    result.reserveCapacity(byteCount)
    var position = 0
    for (splice, piece) in zip(splices, pieces) {
      precondition(piece.count == splice.byteCount, "external bytes of another size than announced")
      result += bytes[position..<splice.position]
      result += piece
      position = splice.position
    }
    result += bytes[position...]
    return result
  }
}

extension KafkaMessage {
  /// Writes a response frame: size, correlation id, header tags where the version has them, body. The size counts the
  /// external bytes.
  public func encodedResponse(
    version: Int16, correlationID: Int32
  ) throws(WireError) -> EncodedMessage {
    try withEncodedResponse(version: version, correlationID: correlationID) { bytes, splices in
      EncodedMessage(bytes: [UInt8](bytes), splices: splices)
    }
  }

  /// Like `encodedResponse`, without a copy: `bytes` are valid within `body` only.
  public func withEncodedResponse<Result>(
    version: Int16, correlationID: Int32,
    _ body: (_ bytes: UnsafeRawBufferPointer, _ splices: [Splice]) -> Result
  ) throws(WireError) -> Result {
    var field = try Self.writer(version)
    field.store(0 as Int32)
    field.store(correlationID)
    if Self.apiKey.responseHeaderVersion(version) >= 1 { field.storeVarint(0) }
    try write(to: &field)
    try field.storeFrameSize()
    return field.withWrittenBytes { body($0, field.splices) }
  }
}

extension KafkaRequest {
  /// Writes a request frame: size, header, body. The size counts the external bytes.
  public func encodedRequest(
    version: Int16, correlationID: Int32, clientID: String?
  ) throws(WireError) -> EncodedMessage {
    var field = try Self.writer(version)
    field.store(0 as Int32)
    let header = RequestHeader(
      apiKey: Self.apiKey.rawValue, apiVersion: version, correlationID: correlationID,
      clientID: clientID)
    try header.write(to: &field)
    try write(to: &field)
    try field.storeFrameSize()
    return EncodedMessage(field)
  }
}

extension FieldCoder {
  /// Puts the count of all bytes after the first four, external ones included, into these four.
  mutating func storeFrameSize() throws(WireError) {
    let external = splices.reduce(0) { $0 + $1.byteCount }
    guard let size = Int32(exactly: position - 4 + external) else { throw failure(.tooLong, at: 0) }
    base.storeBytes(of: size.bigEndian, as: Int32.self)
  }
}
