/// Makes the preferred, or any living, replica the leader. v1 adds the kind of election · v2 flexible.
public struct ElectLeadersRequest: KafkaRequest {
  public typealias Response = ElectLeadersResponse

  public static let apiKey = APIKey.electLeaders
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  /// 0 preferred, 1 unclean.
  public var electionType: Int8 = 0
  /// Null for all partitions.
  public var topicPartitions: [TopicPartitions]? = []
  public var timeoutMs: Int32 = 60000

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 { try field.int8(&electionType) }
    try field.nullableArray(&topicPartitions)
    try field.int32(&timeoutMs)
    try field.taggedFields()
  }
}

extension ElectLeadersRequest {
  public struct TopicPartitions: WireStruct {
    public var topic: String = ""
    public var partitions: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topic)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }
}

/// One result per partition of the request.
public struct ElectLeadersResponse: KafkaMessage {
  public static let apiKey = APIKey.electLeaders
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var replicaElectionResults: [ReplicaElectionResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    if field.version >= 1 { try field.errorCode(&errorCode) }
    try field.array(&replicaElectionResults)
    try field.taggedFields()
  }
}

extension ElectLeadersResponse {
  public struct ReplicaElectionResult: WireStruct {
    public var topic: String = ""
    public var partitionResult: [PartitionResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topic)
      try field.array(&partitionResult)
      try field.taggedFields()
    }
  }

  public struct PartitionResult: WireStruct {
    public var partitionId: Int32 = 0
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionId)
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.taggedFields()
    }
  }
}
