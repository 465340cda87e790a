/// Deletes committed offsets of topics that the group is not subscribed to. Never flexible.
public struct OffsetDeleteRequest: KafkaRequest {
  public typealias Response = OffsetDeleteResponse

  public static let apiKey = APIKey.offsetDelete
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var groupId: String = ""
  public var topics: [OffsetDeleteRequestTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&groupId)
    try field.array(&topics)
  }
}

extension OffsetDeleteRequest {
  public struct OffsetDeleteRequestTopic: WireStruct {
    public var name: String = ""
    public var partitions: [OffsetDeleteRequestPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
    }
  }

  public struct OffsetDeleteRequestPartition: WireStruct {
    public var partitionIndex: Int32 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
    }
  }
}

/// One result per partition of the request.
public struct OffsetDeleteResponse: KafkaMessage {
  public static let apiKey = APIKey.offsetDelete
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var errorCode: ErrorCode = .none
  public var throttleTimeMs: Int32 = 0
  public var topics: [OffsetDeleteResponseTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.errorCode(&errorCode)
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
  }
}

extension OffsetDeleteResponse {
  public struct OffsetDeleteResponseTopic: WireStruct {
    public var name: String = ""
    public var partitions: [OffsetDeleteResponsePartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
    }
  }

  public struct OffsetDeleteResponsePartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
    }
  }
}
