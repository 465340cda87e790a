/// Asks where a leader epoch ended, to find out whether a log was truncated. v3 replica id · v4 flexible.
public struct OffsetForLeaderEpochRequest: KafkaRequest {
  public typealias Response = OffsetForLeaderEpochResponse

  public static let apiKey = APIKey.offsetForLeaderEpoch
  public static let supportedVersions: ClosedRange<Int16> = 2...4

  public var replicaId: Int32 = -2
  public var topics: [OffsetForLeaderTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 3 {
      try field.int32(&replicaId)
    }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension OffsetForLeaderEpochRequest {
  public struct OffsetForLeaderTopic: WireStruct {
    public var topic: String = ""
    public var partitions: [OffsetForLeaderPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topic)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct OffsetForLeaderPartition: WireStruct {
    public var partition: Int32 = 0
    public var currentLeaderEpoch: Int32 = -1
    public var leaderEpoch: Int32 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partition)
      try field.int32(&currentLeaderEpoch)
      try field.int32(&leaderEpoch)
      try field.taggedFields()
    }
  }
}

/// Epoch and end offset per partition; both -1 when the epoch is unknown.
public struct OffsetForLeaderEpochResponse: KafkaMessage {
  public static let apiKey = APIKey.offsetForLeaderEpoch
  public static let supportedVersions: ClosedRange<Int16> = 2...4

  public var throttleTimeMs: Int32 = 0
  public var topics: [OffsetForLeaderTopicResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension OffsetForLeaderEpochResponse {
  public struct OffsetForLeaderTopicResult: WireStruct {
    public var topic: String = ""
    public var partitions: [EpochEndOffset] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topic)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct EpochEndOffset: WireStruct {
    public var errorCode: ErrorCode = .none
    public var partition: Int32 = 0
    public var leaderEpoch: Int32 = -1
    public var endOffset: Int64 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.int32(&partition)
      try field.int32(&leaderEpoch)
      try field.int64(&endOffset)
      try field.taggedFields()
    }
  }
}
