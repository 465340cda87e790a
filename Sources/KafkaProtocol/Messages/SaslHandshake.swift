/// Names the SASL mechanism. Never flexible. After v0 the SASL bytes follow without Kafka framing; after v1 they
/// come in SaslAuthenticate requests.
public struct SaslHandshakeRequest: KafkaRequest {
  public typealias Response = SaslHandshakeResponse

  public static let apiKey = APIKey.saslHandshake
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var mechanism: String = ""

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&mechanism)
  }
}

/// The mechanisms that the broker offers.
public struct SaslHandshakeResponse: KafkaMessage {
  public static let apiKey = APIKey.saslHandshake
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var errorCode: ErrorCode = .none
  public var mechanisms: [String] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.errorCode(&errorCode)
    try field.array(&mechanisms)
  }
}
