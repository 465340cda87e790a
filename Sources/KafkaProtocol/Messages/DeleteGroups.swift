/// Deletes groups without members, and their offsets. v2 flexible.
public struct DeleteGroupsRequest: KafkaRequest {
  public typealias Response = DeleteGroupsResponse

  public static let apiKey = APIKey.deleteGroups
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var groupsNames: [String] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&groupsNames)
    try field.taggedFields()
  }
}

/// One result per group of the request.
public struct DeleteGroupsResponse: KafkaMessage {
  public static let apiKey = APIKey.deleteGroups
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var throttleTimeMs: Int32 = 0
  public var results: [DeletableGroupResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&results)
    try field.taggedFields()
  }
}

extension DeleteGroupsResponse {
  public struct DeletableGroupResult: WireStruct {
    public var groupId: String = ""
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&groupId)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
