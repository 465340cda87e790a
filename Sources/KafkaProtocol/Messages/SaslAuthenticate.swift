/// One message of the client in the SASL exchange. v2 flexible.
public struct SaslAuthenticateRequest: KafkaRequest {
  public typealias Response = SaslAuthenticateResponse

  public static let apiKey = APIKey.saslAuthenticate
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var authBytes: [UInt8] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.bytes(&authBytes)
    try field.taggedFields()
  }
}

/// One message of the broker in the SASL exchange. v1 how long the session lasts, in milliseconds; 0 is forever.
public struct SaslAuthenticateResponse: KafkaMessage {
  public static let apiKey = APIKey.saslAuthenticate
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var errorCode: ErrorCode = .none
  public var errorMessage: String? = ""
  public var authBytes: [UInt8] = []
  public var sessionLifetimeMs: Int64 = 0

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.errorCode(&errorCode)
    try field.nullableString(&errorMessage)
    try field.bytes(&authBytes)
    if field.version >= 1 {
      try field.int64(&sessionLifetimeMs)
    }
    try field.taggedFields()
  }
}
