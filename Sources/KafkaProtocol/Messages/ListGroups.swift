/// Lists groups. v3 flexible · v4 filter by state · v5 filter by type ("classic", "consumer"). Empty filters let
/// all pass.
public struct ListGroupsRequest: KafkaRequest {
  public typealias Response = ListGroupsResponse

  public static let apiKey = APIKey.listGroups
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var statesFilter: [String] = []
  public var typesFilter: [String] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 4 {
      try field.array(&statesFilter)
    }
    if field.version >= 5 {
      try field.array(&typesFilter)
    }
    try field.taggedFields()
  }
}

/// Groups that only have committed offsets are listed too, with an empty protocol type.
public struct ListGroupsResponse: KafkaMessage {
  public static let apiKey = APIKey.listGroups
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var groups: [ListedGroup] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    try field.errorCode(&errorCode)
    try field.array(&groups)
    try field.taggedFields()
  }
}

extension ListGroupsResponse {
  public struct ListedGroup: WireStruct {
    public var groupId: String = ""
    public var protocolType: String = ""
    public var groupState: String = ""
    public var groupType: String = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&groupId)
      try field.string(&protocolType)
      if field.version >= 4 {
        try field.string(&groupState)
      }
      if field.version >= 5 {
        try field.string(&groupType)
      }
      try field.taggedFields()
    }
  }
}
