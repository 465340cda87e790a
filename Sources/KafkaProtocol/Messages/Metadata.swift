/// Asks for brokers, and for topics with their partitions.
///
/// `topics`: in v0 an empty array means all topics; from v1 on null means all and an empty array none.
///
/// v4 the client decides on auto-creation · v8 authorised operations · v9 flexible · v10 topic ids · v11 the
/// cluster's authorised operations moved to DescribeCluster · v12 topics by id alone, with a null name.
public struct MetadataRequest: KafkaRequest {
  public typealias Response = MetadataResponse

  public static let apiKey = APIKey.metadata
  public static let supportedVersions: ClosedRange<Int16> = 0...12

  public var topics: [MetadataRequestTopic]? = []
  public var allowAutoTopicCreation: Bool = true
  public var includeClusterAuthorizedOperations: Bool = false
  public var includeTopicAuthorizedOperations: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.nullableArray(&topics, nullable: field.version >= 1)
    if field.version >= 4 {
      try field.bool(&allowAutoTopicCreation)
    }
    if field.version >= 8 && field.version <= 10 {
      try field.bool(&includeClusterAuthorizedOperations)
    }
    if field.version >= 8 {
      try field.bool(&includeTopicAuthorizedOperations)
    }
    try field.taggedFields()
  }
}

extension MetadataRequest {
  public struct MetadataRequestTopic: WireStruct {
    public var topicId: KafkaUUID = .zero
    public var name: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      if field.version >= 10 {
        try field.uuid(&topicId)
      }
      try field.nullableString(&name, nullable: field.version >= 10)
      try field.taggedFields()
    }
  }
}

/// Brokers and topics of the cluster.
///
/// v1 rack, controller, internal flag · v2 cluster id · v3 throttle time, first · v5 offline replicas · v7 leader
/// epoch · v8–10 the cluster's authorised operations · v9 flexible · v10 topic ids · v12 a topic's name may be
/// null.
public struct MetadataResponse: KafkaMessage {
  public static let apiKey = APIKey.metadata
  public static let supportedVersions: ClosedRange<Int16> = 0...12

  public var throttleTimeMs: Int32 = 0
  public var brokers: [MetadataResponseBroker] = []
  public var clusterId: String?
  public var controllerId: Int32 = -1
  public var topics: [MetadataResponseTopic] = []
  /// A bit per operation; `Int32.min` when not asked for.
  public var clusterAuthorizedOperations: Int32 = .min

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 3 {
      try field.int32(&throttleTimeMs)
    }
    try field.array(&brokers)
    if field.version >= 2 {
      try field.nullableString(&clusterId)
    }
    if field.version >= 1 {
      try field.int32(&controllerId)
    }
    try field.array(&topics)
    if field.version >= 8 && field.version <= 10 {
      try field.int32(&clusterAuthorizedOperations)
    }
    try field.taggedFields()
  }
}

extension MetadataResponse {
  public struct MetadataResponseBroker: WireStruct {
    public var nodeId: Int32 = 0
    public var host: String = ""
    public var port: Int32 = 0
    public var rack: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&nodeId)
      try field.string(&host)
      try field.int32(&port)
      if field.version >= 1 {
        try field.nullableString(&rack)
      }
      try field.taggedFields()
    }
  }

  public struct MetadataResponseTopic: WireStruct {
    public var errorCode: ErrorCode = .none
    public var name: String? = ""
    public var topicId: KafkaUUID = .zero
    public var isInternal: Bool = false
    public var partitions: [MetadataResponsePartition] = []
    /// A bit per operation; `Int32.min` when not asked for.
    public var topicAuthorizedOperations: Int32 = .min

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&name, nullable: field.version >= 12)
      if field.version >= 10 {
        try field.uuid(&topicId)
      }
      if field.version >= 1 {
        try field.bool(&isInternal)
      }
      try field.array(&partitions)
      if field.version >= 8 {
        try field.int32(&topicAuthorizedOperations)
      }
      try field.taggedFields()
    }
  }

  public struct MetadataResponsePartition: WireStruct {
    public var errorCode: ErrorCode = .none
    public var partitionIndex: Int32 = 0
    public var leaderId: Int32 = 0
    public var leaderEpoch: Int32 = -1
    public var replicaNodes: [Int32] = []
    public var isrNodes: [Int32] = []
    public var offlineReplicas: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.int32(&partitionIndex)
      try field.int32(&leaderId)
      if field.version >= 7 {
        try field.int32(&leaderEpoch)
      }
      try field.array(&replicaNodes)
      try field.array(&isrNodes)
      if field.version >= 5 {
        try field.array(&offlineReplicas)
      }
      try field.taggedFields()
    }
  }
}
