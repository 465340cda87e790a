/// Asks for partitions of topics page by page; an empty list asks for all topics.
public struct DescribeTopicPartitionsRequest: KafkaRequest {
  public typealias Response = DescribeTopicPartitionsResponse

  public static let apiKey = APIKey.describeTopicPartitions
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var topics: [TopicRequest] = []
  public var responsePartitionLimit: Int32 = 2000
  /// Null for the first page.
  public var cursor: Cursor?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&topics)
    try field.int32(&responsePartitionLimit)
    try field.nullableStruct(&cursor)
    try field.taggedFields()
  }
}

extension DescribeTopicPartitionsRequest {
  public struct TopicRequest: WireStruct {
    public var name: String = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.taggedFields()
    }
  }

  public struct Cursor: WireStruct {
    public var topicName: String = ""
    public var partitionIndex: Int32 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topicName)
      try field.int32(&partitionIndex)
      try field.taggedFields()
    }
  }
}

/// A page of partitions. `nextCursor` is null on the last page, else what the next request must start from.
public struct DescribeTopicPartitionsResponse: KafkaMessage {
  public static let apiKey = APIKey.describeTopicPartitions
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var throttleTimeMs: Int32 = 0
  public var topics: [DescribeTopicPartitionsResponseTopic] = []
  public var nextCursor: Cursor?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
    try field.nullableStruct(&nextCursor)
    try field.taggedFields()
  }
}

extension DescribeTopicPartitionsResponse {
  public struct DescribeTopicPartitionsResponseTopic: WireStruct {
    public var errorCode: ErrorCode = .none
    public var name: String? = ""
    public var topicId: KafkaUUID = .zero
    public var isInternal: Bool = false
    public var partitions: [DescribeTopicPartitionsResponsePartition] = []
    public var topicAuthorizedOperations: Int32 = .min

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&name)
      try field.uuid(&topicId)
      try field.bool(&isInternal)
      try field.array(&partitions)
      try field.int32(&topicAuthorizedOperations)
      try field.taggedFields()
    }
  }

  public struct DescribeTopicPartitionsResponsePartition: WireStruct {
    public var errorCode: ErrorCode = .none
    public var partitionIndex: Int32 = 0
    public var leaderId: Int32 = 0
    public var leaderEpoch: Int32 = -1
    public var replicaNodes: [Int32] = []
    public var isrNodes: [Int32] = []
    public var eligibleLeaderReplicas: [Int32]?
    public var lastKnownElr: [Int32]?
    public var offlineReplicas: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.int32(&partitionIndex)
      try field.int32(&leaderId)
      try field.int32(&leaderEpoch)
      try field.array(&replicaNodes)
      try field.array(&isrNodes)
      try field.nullableArray(&eligibleLeaderReplicas)
      try field.nullableArray(&lastKnownElr)
      try field.array(&offlineReplicas)
      try field.taggedFields()
    }
  }

  public struct Cursor: WireStruct {
    public var topicName: String = ""
    public var partitionIndex: Int32 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topicName)
      try field.int32(&partitionIndex)
      try field.taggedFields()
    }
  }
}
