/// Asks for offsets by timestamp. A negative timestamp names a place instead of a time: -1 the end, -2 the start,
/// -3 the largest timestamp (v7), -4 the local start (v8), -5 the tiered end (v9).
///
/// v2 isolation level · v4 leader epoch · v6 flexible.
public struct ListOffsetsRequest: KafkaRequest {
  public typealias Response = ListOffsetsResponse

  public static let apiKey = APIKey.listOffsets
  public static let supportedVersions: ClosedRange<Int16> = 1...9

  public var replicaId: Int32 = 0
  /// 0 read uncommitted, 1 read committed.
  public var isolationLevel: Int8 = 0
  public var topics: [ListOffsetsTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&replicaId)
    if field.version >= 2 {
      try field.int8(&isolationLevel)
    }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension ListOffsetsRequest {
  public struct ListOffsetsTopic: WireStruct {
    public var name: String = ""
    public var partitions: [ListOffsetsPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct ListOffsetsPartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var currentLeaderEpoch: Int32 = -1
    public var timestamp: Int64 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      if field.version >= 4 {
        try field.int32(&currentLeaderEpoch)
      }
      try field.int64(&timestamp)
      try field.taggedFields()
    }
  }
}

/// One offset per partition of the request; offset and timestamp are -1 when no record qualifies.
public struct ListOffsetsResponse: KafkaMessage {
  public static let apiKey = APIKey.listOffsets
  public static let supportedVersions: ClosedRange<Int16> = 1...9

  public var throttleTimeMs: Int32 = 0
  public var topics: [ListOffsetsTopicResponse] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 2 {
      try field.int32(&throttleTimeMs)
    }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension ListOffsetsResponse {
  public struct ListOffsetsTopicResponse: WireStruct {
    public var name: String = ""
    public var partitions: [ListOffsetsPartitionResponse] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct ListOffsetsPartitionResponse: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none
    public var timestamp: Int64 = -1
    public var offset: Int64 = -1
    public var leaderEpoch: Int32 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.int64(&timestamp)
      try field.int64(&offset)
      if field.version >= 4 {
        try field.int32(&leaderEpoch)
      }
      try field.taggedFields()
    }
  }
}
