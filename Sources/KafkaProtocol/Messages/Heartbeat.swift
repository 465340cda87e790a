/// Keeps a member alive. v3 static members · v4 flexible.
public struct HeartbeatRequest: KafkaRequest {
  public typealias Response = HeartbeatResponse

  public static let apiKey = APIKey.heartbeat
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var groupId: String = ""
  public var generationId: Int32 = 0
  public var memberId: String = ""
  public var groupInstanceId: String?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&groupId)
    try field.int32(&generationId)
    try field.string(&memberId)
    if field.version >= 3 {
      try field.nullableString(&groupInstanceId)
    }
    try field.taggedFields()
  }
}

/// Error REBALANCE_IN_PROGRESS asks the member to rejoin.
public struct HeartbeatResponse: KafkaMessage {
  public static let apiKey = APIKey.heartbeat
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    try field.errorCode(&errorCode)
    try field.taggedFields()
  }
}
