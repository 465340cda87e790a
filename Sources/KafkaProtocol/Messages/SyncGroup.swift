/// Ends a rebalance: the leader brings the assignments of all members, the others an empty list.
///
/// v3 static members · v4 flexible · v5 protocol type and name, to be compared with the group's.
public struct SyncGroupRequest: KafkaRequest {
  public typealias Response = SyncGroupResponse

  public static let apiKey = APIKey.syncGroup
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var groupId: String = ""
  public var generationId: Int32 = 0
  public var memberId: String = ""
  public var groupInstanceId: String?
  public var protocolType: String?
  public var protocolName: String?
  public var assignments: [SyncGroupRequestAssignment] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&groupId)
    try field.int32(&generationId)
    try field.string(&memberId)
    if field.version >= 3 {
      try field.nullableString(&groupInstanceId)
    }
    if field.version >= 5 {
      try field.nullableString(&protocolType)
      try field.nullableString(&protocolName)
    }
    try field.array(&assignments)
    try field.taggedFields()
  }
}

extension SyncGroupRequest {
  public struct SyncGroupRequestAssignment: WireStruct {
    public var memberId: String = ""
    public var assignment: [UInt8] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&memberId)
      try field.bytes(&assignment)
      try field.taggedFields()
    }
  }
}

/// The assignment of the member that asked, in the format of the group's protocol.
public struct SyncGroupResponse: KafkaMessage {
  public static let apiKey = APIKey.syncGroup
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var protocolType: String?
  public var protocolName: String?
  public var assignment: [UInt8] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    try field.errorCode(&errorCode)
    if field.version >= 5 {
      try field.nullableString(&protocolType)
      try field.nullableString(&protocolName)
    }
    try field.bytes(&assignment)
    try field.taggedFields()
  }
}
