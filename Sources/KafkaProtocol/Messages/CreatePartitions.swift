/// Raises the partition counts of topics. v2 flexible · v3 may answer THROTTLING_QUOTA_EXCEEDED.
public struct CreatePartitionsRequest: KafkaRequest {
  public typealias Response = CreatePartitionsResponse

  public static let apiKey = APIKey.createPartitions
  public static let supportedVersions: ClosedRange<Int16> = 0...3

  public var topics: [CreatePartitionsTopic] = []
  public var timeoutMs: Int32 = 0
  public var validateOnly: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&topics)
    try field.int32(&timeoutMs)
    try field.bool(&validateOnly)
    try field.taggedFields()
  }
}

extension CreatePartitionsRequest {
  public struct CreatePartitionsTopic: WireStruct {
    public var name: String = ""
    public var count: Int32 = 0
    public var assignments: [CreatePartitionsAssignment]? = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.int32(&count)
      try field.nullableArray(&assignments)
      try field.taggedFields()
    }
  }

  public struct CreatePartitionsAssignment: WireStruct {
    public var brokerIds: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.array(&brokerIds)
      try field.taggedFields()
    }
  }
}

/// One result per topic of the request.
public struct CreatePartitionsResponse: KafkaMessage {
  public static let apiKey = APIKey.createPartitions
  public static let supportedVersions: ClosedRange<Int16> = 0...3

  public var throttleTimeMs: Int32 = 0
  public var results: [CreatePartitionsTopicResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&results)
    try field.taggedFields()
  }
}

extension CreatePartitionsResponse {
  public struct CreatePartitionsTopicResult: WireStruct {
    public var name: String = ""
    public var errorCode: ErrorCode = .none
    public var errorMessage: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.taggedFields()
    }
  }
}
