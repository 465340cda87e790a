/// Leaves a group: one member up to v2, several from v3 on.
///
/// v3 several members, static ones too · v4 flexible · v5 reason.
public struct LeaveGroupRequest: KafkaRequest {
  public typealias Response = LeaveGroupResponse

  public static let apiKey = APIKey.leaveGroup
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var groupId: String = ""
  public var memberId: String = ""
  public var members: [MemberIdentity] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&groupId)
    if field.version <= 2 {
      try field.string(&memberId)
    } else {
      try field.array(&members)
    }
    try field.taggedFields()
  }
}

extension LeaveGroupRequest {
  public struct MemberIdentity: WireStruct {
    public var memberId: String = ""
    public var groupInstanceId: String?
    public var reason: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&memberId)
      try field.nullableString(&groupInstanceId)
      if field.version >= 5 {
        try field.nullableString(&reason)
      }
      try field.taggedFields()
    }
  }
}

/// One result per member from v3 on.
public struct LeaveGroupResponse: KafkaMessage {
  public static let apiKey = APIKey.leaveGroup
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var members: [MemberResponse] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    try field.errorCode(&errorCode)
    if field.version >= 3 {
      try field.array(&members)
    }
    try field.taggedFields()
  }
}

extension LeaveGroupResponse {
  public struct MemberResponse: WireStruct {
    public var memberId: String = ""
    public var groupInstanceId: String? = ""
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&memberId)
      try field.nullableString(&groupInstanceId)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
