/// Moves the log start offsets of partitions up. Offset -1 is the high watermark. v2 flexible.
public struct DeleteRecordsRequest: KafkaRequest {
  public typealias Response = DeleteRecordsResponse

  public static let apiKey = APIKey.deleteRecords
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var topics: [DeleteRecordsTopic] = []
  public var timeoutMs: Int32 = 0

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&topics)
    try field.int32(&timeoutMs)
    try field.taggedFields()
  }
}

extension DeleteRecordsRequest {
  public struct DeleteRecordsTopic: WireStruct {
    public var name: String = ""
    public var partitions: [DeleteRecordsPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct DeleteRecordsPartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var offset: Int64 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&offset)
      try field.taggedFields()
    }
  }
}

/// The log start offset of each partition afterwards.
public struct DeleteRecordsResponse: KafkaMessage {
  public static let apiKey = APIKey.deleteRecords
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var throttleTimeMs: Int32 = 0
  public var topics: [DeleteRecordsTopicResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension DeleteRecordsResponse {
  public struct DeleteRecordsTopicResult: WireStruct {
    public var name: String = ""
    public var partitions: [DeleteRecordsPartitionResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct DeleteRecordsPartitionResult: WireStruct {
    public var partitionIndex: Int32 = 0
    public var lowWatermark: Int64 = 0
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&lowWatermark)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
