/// Joins a group, or rejoins it in a rebalance. `protocolType` is "consumer", "connect", or any other word.
///
/// v4 the broker hands out the member id first · v5 static members · v6 flexible · v8 reason.
public struct JoinGroupRequest: KafkaRequest {
  public typealias Response = JoinGroupResponse

  public static let apiKey = APIKey.joinGroup
  public static let supportedVersions: ClosedRange<Int16> = 0...9

  public var groupId: String = ""
  public var sessionTimeoutMs: Int32 = 0
  /// How long members may take to rejoin; v0 has only the session timeout.
  public var rebalanceTimeoutMs: Int32 = -1
  public var memberId: String = ""
  public var groupInstanceId: String?
  public var protocolType: String = ""
  public var protocols: [JoinGroupRequestProtocol] = []
  public var reason: String?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&groupId)
    try field.int32(&sessionTimeoutMs)
    if field.version >= 1 {
      try field.int32(&rebalanceTimeoutMs)
    }
    try field.string(&memberId)
    if field.version >= 5 {
      try field.nullableString(&groupInstanceId)
    }
    try field.string(&protocolType)
    try field.array(&protocols)
    if field.version >= 8 {
      try field.nullableString(&reason)
    }
    try field.taggedFields()
  }
}

extension JoinGroupRequest {
  public struct JoinGroupRequestProtocol: WireStruct {
    public var name: String = ""
    public var metadata: [UInt8] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.bytes(&metadata)
      try field.taggedFields()
    }
  }
}

/// Sent when the rebalance has gathered all members. Only the leader gets `members`.
///
/// v7 protocol type, and a null protocol name on errors · v9 the leader may be told to keep the present assignment.
public struct JoinGroupResponse: KafkaMessage {
  public static let apiKey = APIKey.joinGroup
  public static let supportedVersions: ClosedRange<Int16> = 0...9

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var generationId: Int32 = -1
  public var protocolType: String?
  public var protocolName: String? = ""
  public var leader: String = ""
  public var skipAssignment: Bool = false
  public var memberId: String = ""
  public var members: [JoinGroupResponseMember] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 2 {
      try field.int32(&throttleTimeMs)
    }
    try field.errorCode(&errorCode)
    try field.int32(&generationId)
    if field.version >= 7 {
      try field.nullableString(&protocolType)
    }
    try field.nullableString(&protocolName, nullable: field.version >= 7)
    try field.string(&leader)
    if field.version >= 9 {
      try field.bool(&skipAssignment)
    }
    try field.string(&memberId)
    try field.array(&members)
    try field.taggedFields()
  }
}

extension JoinGroupResponse {
  public struct JoinGroupResponseMember: WireStruct {
    public var memberId: String = ""
    public var groupInstanceId: String?
    public var metadata: [UInt8] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&memberId)
      if field.version >= 5 {
        try field.nullableString(&groupInstanceId)
      }
      try field.bytes(&metadata)
      try field.taggedFields()
    }
  }
}
