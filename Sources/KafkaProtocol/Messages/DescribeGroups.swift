/// Asks for state and members of groups. v3 authorised operations · v5 flexible.
public struct DescribeGroupsRequest: KafkaRequest {
  public typealias Response = DescribeGroupsResponse

  public static let apiKey = APIKey.describeGroups
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var groups: [String] = []
  public var includeAuthorizedOperations: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&groups)
    if field.version >= 3 {
      try field.bool(&includeAuthorizedOperations)
    }
    try field.taggedFields()
  }
}

/// One entry per group of the request; a group that does not exist has the state "Dead".
public struct DescribeGroupsResponse: KafkaMessage {
  public static let apiKey = APIKey.describeGroups
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var groups: [DescribedGroup] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    try field.array(&groups)
    try field.taggedFields()
  }
}

extension DescribeGroupsResponse {
  public struct DescribedGroup: WireStruct {
    public var errorCode: ErrorCode = .none
    public var groupId: String = ""
    public var groupState: String = ""
    public var protocolType: String = ""
    public var protocolData: String = ""
    public var members: [DescribedGroupMember] = []
    public var authorizedOperations: Int32 = .min

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.string(&groupId)
      try field.string(&groupState)
      try field.string(&protocolType)
      try field.string(&protocolData)
      try field.array(&members)
      if field.version >= 3 {
        try field.int32(&authorizedOperations)
      }
      try field.taggedFields()
    }
  }

  public struct DescribedGroupMember: WireStruct {
    public var memberId: String = ""
    public var groupInstanceId: String?
    public var clientId: String = ""
    public var clientHost: String = ""
    public var memberMetadata: [UInt8] = []
    public var memberAssignment: [UInt8] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&memberId)
      if field.version >= 4 {
        try field.nullableString(&groupInstanceId)
      }
      try field.string(&clientId)
      try field.string(&clientHost)
      try field.bytes(&memberMetadata)
      try field.bytes(&memberAssignment)
      try field.taggedFields()
    }
  }
}
