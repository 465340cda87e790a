/// Moves partitions to other brokers. v1 says whether the number of replicas may change. Always flexible.
public struct AlterPartitionReassignmentsRequest: KafkaRequest {
  public typealias Response = AlterPartitionReassignmentsResponse

  public static let apiKey = APIKey.alterPartitionReassignments
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var timeoutMs: Int32 = 60000
  public var allowReplicationFactorChange: Bool = true
  public var topics: [ReassignableTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&timeoutMs)
    if field.version >= 1 { try field.bool(&allowReplicationFactorChange) }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension AlterPartitionReassignmentsRequest {
  public struct ReassignableTopic: WireStruct {
    public var name: String = ""
    public var partitions: [ReassignablePartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct ReassignablePartition: WireStruct {
    public var partitionIndex: Int32 = 0
    /// Null cancels a move that is under way.
    public var replicas: [Int32]?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.nullableArray(&replicas)
      try field.taggedFields()
    }
  }
}

/// One result per partition of the request.
public struct AlterPartitionReassignmentsResponse: KafkaMessage {
  public static let apiKey = APIKey.alterPartitionReassignments
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var throttleTimeMs: Int32 = 0
  public var allowReplicationFactorChange: Bool = true
  public var errorCode: ErrorCode = .none
  public var errorMessage: String? = ""
  public var responses: [ReassignableTopicResponse] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    if field.version >= 1 { try field.bool(&allowReplicationFactorChange) }
    try field.errorCode(&errorCode)
    try field.nullableString(&errorMessage)
    try field.array(&responses)
    try field.taggedFields()
  }
}

extension AlterPartitionReassignmentsResponse {
  public struct ReassignableTopicResponse: WireStruct {
    public var name: String = ""
    public var partitions: [ReassignablePartitionResponse] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct ReassignablePartitionResponse: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.taggedFields()
    }
  }
}
