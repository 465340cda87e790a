/// Which partitions are on their way to other brokers. Always flexible.
public struct ListPartitionReassignmentsRequest: KafkaRequest {
  public typealias Response = ListPartitionReassignmentsResponse

  public static let apiKey = APIKey.listPartitionReassignments
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var timeoutMs: Int32 = 60000
  /// Null for all.
  public var topics: [ListPartitionReassignmentsTopics]?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&timeoutMs)
    try field.nullableArray(&topics)
    try field.taggedFields()
  }
}

extension ListPartitionReassignmentsRequest {
  public struct ListPartitionReassignmentsTopics: WireStruct {
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

/// The partitions that are being moved.
public struct ListPartitionReassignmentsResponse: KafkaMessage {
  public static let apiKey = APIKey.listPartitionReassignments
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var errorMessage: String? = ""
  public var topics: [OngoingTopicReassignment] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    try field.nullableString(&errorMessage)
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension ListPartitionReassignmentsResponse {
  public struct OngoingTopicReassignment: WireStruct {
    public var name: String = ""
    public var partitions: [OngoingPartitionReassignment] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct OngoingPartitionReassignment: WireStruct {
    public var partitionIndex: Int32 = 0
    public var replicas: [Int32] = []
    public var addingReplicas: [Int32] = []
    public var removingReplicas: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.array(&replicas)
      try field.array(&addingReplicas)
      try field.array(&removingReplicas)
      try field.taggedFields()
    }
  }
}
