/// Commits offsets of a group. Members send their generation; tools send generation -1 and no member id.
///
/// v2–4 retention time · v6 leader epoch · v7 static members · v8 flexible · v9 the member epoch of the newer group
/// protocol.
public struct OffsetCommitRequest: KafkaRequest {
  public typealias Response = OffsetCommitResponse

  public static let apiKey = APIKey.offsetCommit
  public static let supportedVersions: ClosedRange<Int16> = 2...9

  public var groupId: String = ""
  public var generationIdOrMemberEpoch: Int32 = -1
  public var memberId: String = ""
  public var groupInstanceId: String?
  /// -1 for the retention configured at the broker.
  public var retentionTimeMs: Int64 = -1
  public var topics: [OffsetCommitRequestTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&groupId)
    try field.int32(&generationIdOrMemberEpoch)
    try field.string(&memberId)
    if field.version >= 7 {
      try field.nullableString(&groupInstanceId)
    }
    if field.version <= 4 {
      try field.int64(&retentionTimeMs)
    }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension OffsetCommitRequest {
  public struct OffsetCommitRequestTopic: WireStruct {
    public var name: String = ""
    public var partitions: [OffsetCommitRequestPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct OffsetCommitRequestPartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var committedOffset: Int64 = 0
    public var committedLeaderEpoch: Int32 = -1
    public var committedMetadata: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&committedOffset)
      if field.version >= 6 {
        try field.int32(&committedLeaderEpoch)
      }
      try field.nullableString(&committedMetadata)
      try field.taggedFields()
    }
  }
}

/// One result per partition of the request.
public struct OffsetCommitResponse: KafkaMessage {
  public static let apiKey = APIKey.offsetCommit
  public static let supportedVersions: ClosedRange<Int16> = 2...9

  public var throttleTimeMs: Int32 = 0
  public var topics: [OffsetCommitResponseTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 3 {
      try field.int32(&throttleTimeMs)
    }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension OffsetCommitResponse {
  public struct OffsetCommitResponseTopic: WireStruct {
    public var name: String = ""
    public var partitions: [OffsetCommitResponsePartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct OffsetCommitResponsePartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
