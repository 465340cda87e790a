/// Asks for the producers that a partition knows.
public struct DescribeProducersRequest: KafkaRequest {
  public typealias Response = DescribeProducersResponse

  public static let apiKey = APIKey.describeProducers
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var topics: [TopicRequest] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension DescribeProducersRequest {
  public struct TopicRequest: WireStruct {
    public var name: String = ""
    public var partitionIndexes: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitionIndexes)
      try field.taggedFields()
    }
  }
}

/// State of each idempotent or transactional producer, per partition.
public struct DescribeProducersResponse: KafkaMessage {
  public static let apiKey = APIKey.describeProducers
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var throttleTimeMs: Int32 = 0
  public var topics: [TopicResponse] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension DescribeProducersResponse {
  public struct TopicResponse: WireStruct {
    public var name: String = ""
    public var partitions: [PartitionResponse] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct PartitionResponse: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none
    public var errorMessage: String?
    public var activeProducers: [ProducerState] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.array(&activeProducers)
      try field.taggedFields()
    }
  }

  public struct ProducerState: WireStruct {
    public var producerId: Int64 = 0
    public var producerEpoch: Int32 = 0
    public var lastSequence: Int32 = -1
    public var lastTimestamp: Int64 = -1
    public var coordinatorEpoch: Int32 = 0
    /// -1 without an open transaction.
    public var currentTxnStartOffset: Int64 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int64(&producerId)
      try field.int32(&producerEpoch)
      try field.int32(&lastSequence)
      try field.int64(&lastTimestamp)
      try field.int32(&coordinatorEpoch)
      try field.int64(&currentTxnStartOffset)
      try field.taggedFields()
    }
  }
}
