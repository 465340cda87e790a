/// Fields that follow each other on the wire, listed once for both directions.
public protocol WireStruct: Sendable {
  /// Every field at its default.
  init()
  /// Reads or writes every field that `field.version` has, in wire order. Fields that the version lacks keep their
  /// default when reading and are left out when writing. Writing must leave every field as it was: the value written
  /// may be shared.
  mutating func transcode(_ field: inout FieldCoder) throws(WireError)
}

/// The body of a request or a response, without its header.
public protocol KafkaMessage: WireStruct {
  /// The request kind that the message is, or answers.
  static var apiKey: APIKey { get }
  /// Versions that `transcode` covers. What a broker advertises is decided elsewhere.
  static var supportedVersions: ClosedRange<Int16> { get }
}

public protocol KafkaRequest: KafkaMessage {
  associatedtype Response: KafkaMessage
}

extension KafkaMessage {
  /// Reads a body that starts at index `position` of `frame` and must end where `frame` does, unless
  /// `allowsTrailingBytes`: librdkafka sends some requests with bytes behind them, and brokers have always ignored
  /// those.
  ///
  /// `frame` is only borrowed for the call, but ranges of `records` fields in the result index into it.
  public static func decode(
    frame: UnsafeRawBufferPointer, at position: Int, version: Int16, allowsTrailingBytes: Bool = false
  ) throws(WireError) -> Self {
    guard supportedVersions.contains(version) else {
      throw WireError(.unsupportedVersion, position: position, apiKey: apiKey, version: version)
    }
    var field = FieldCoder(
      reading: frame, at: position, version: version, isFlexible: apiKey.isFlexible(version))
    var message = Self()
    do throws(WireError) {
      try message.transcode(&field)
      guard field.remaining == 0 || allowsTrailingBytes else { throw field.failure(.trailingBytes, at: field.position) }
    } catch {
      throw WireError(error.problem, position: error.position, apiKey: apiKey, version: version)
    }
    return message
  }

  /// Writes the body alone: no size, no header.
  public func encodedBody(version: Int16) throws(WireError) -> EncodedMessage {
    var field = try Self.writer(version)
    try write(to: &field)
    return EncodedMessage(field)
  }

  static func writer(_ version: Int16) throws(WireError) -> FieldCoder {
    guard supportedVersions.contains(version) else {
      throw WireError(.unsupportedVersion, position: 0, apiKey: apiKey, version: version)
    }
    return FieldCoder(writing: version, isFlexible: apiKey.isFlexible(version))
  }

  func write(to field: inout FieldCoder) throws(WireError) {
    // Writing changes nothing, so the copy shares all storage with the message.
    var copy = self
    do throws(WireError) {
      try copy.transcode(&field)
    } catch {
      throw WireError(
        error.problem, position: error.position, apiKey: Self.apiKey, version: field.version)
    }
  }
}
