/// Asks for records from an offset on, per partition; waits for `minBytes` up to `maxWaitMs`.
///
/// v5 log start offset · v7 fetch sessions · v9 leader epoch fencing · v11 rack · v12 flexible, truncation
/// detection · v13 topic ids instead of names · v15 replica state instead of `replicaId` · v16 leader hints in the
/// response.
public struct FetchRequest: KafkaRequest {
  public typealias Response = FetchResponse

  public static let apiKey = APIKey.fetch
  public static let supportedVersions: ClosedRange<Int16> = 4...16

  public var clusterId: String?
  public var replicaId: Int32 = -1
  public var replicaState = ReplicaState()
  public var maxWaitMs: Int32 = 0
  public var minBytes: Int32 = 0
  /// A limit for the whole response, except that the first batch is always sent whole.
  public var maxBytes: Int32 = .max
  /// 0 read uncommitted, 1 read committed.
  public var isolationLevel: Int8 = 0
  public var sessionId: Int32 = 0
  /// -1 without a session, 0 to open one.
  public var sessionEpoch: Int32 = -1
  public var topics: [FetchTopic] = []
  /// Partitions to drop from the session.
  public var forgottenTopicsData: [ForgottenTopic] = []
  public var rackId: String = ""

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version <= 14 {
      try field.int32(&replicaId)
    }
    try field.int32(&maxWaitMs)
    try field.int32(&minBytes)
    try field.int32(&maxBytes)
    try field.int8(&isolationLevel)
    if field.version >= 7 {
      try field.int32(&sessionId)
      try field.int32(&sessionEpoch)
    }
    try field.array(&topics)
    if field.version >= 7 {
      try field.array(&forgottenTopicsData)
    }
    if field.version >= 11 {
      try field.string(&rackId)
    }
    var present: TagSet = []
    present.insert(0, if: clusterId != nil)
    present.insert(1, if: field.version >= 15 && replicaState != ReplicaState())
    try field.taggedFields(present) { (tag, field) throws(WireError) in
      switch tag {
      case 0: try field.nullableString(&clusterId)
      case 1 where field.version >= 15: try replicaState.transcode(&field)
      default: return false
      }
      return true
    }
  }
}

extension FetchRequest {
  public struct ReplicaState: WireStruct, Equatable {
    public var replicaId: Int32 = -1
    public var replicaEpoch: Int64 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&replicaId)
      try field.int64(&replicaEpoch)
      try field.taggedFields()
    }
  }

  public struct FetchTopic: WireStruct {
    public var topic: String = ""
    public var topicId: KafkaUUID = .zero
    public var partitions: [FetchPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      if field.version <= 12 {
        try field.string(&topic)
      } else {
        try field.uuid(&topicId)
      }
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct FetchPartition: WireStruct {
    public var partition: Int32 = 0
    public var currentLeaderEpoch: Int32 = -1
    public var fetchOffset: Int64 = 0
    public var lastFetchedEpoch: Int32 = -1
    public var logStartOffset: Int64 = -1
    public var partitionMaxBytes: Int32 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partition)
      if field.version >= 9 {
        try field.int32(&currentLeaderEpoch)
      }
      try field.int64(&fetchOffset)
      if field.version >= 12 {
        try field.int32(&lastFetchedEpoch)
      }
      if field.version >= 5 {
        try field.int64(&logStartOffset)
      }
      try field.int32(&partitionMaxBytes)
      try field.taggedFields()
    }
  }

  public struct ForgottenTopic: WireStruct {
    public var topic: String = ""
    public var topicId: KafkaUUID = .zero
    public var partitions: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      if field.version <= 12 {
        try field.string(&topic)
      } else {
        try field.uuid(&topicId)
      }
      try field.array(&partitions)
      try field.taggedFields()
    }
  }
}

/// Record batches per partition: whole batches, the first of which may start before the offset asked for.
///
/// v5 log start offset · v7 sessions and a top-level error · v11 preferred read replica · v12 flexible, diverging
/// epoch and current leader, tagged · v13 topic ids instead of names · v16 addresses of leaders, tagged.
///
/// Null records and empty ones differ on the wire; clients take both for "nothing new".
public struct FetchResponse: KafkaMessage {
  public static let apiKey = APIKey.fetch
  public static let supportedVersions: ClosedRange<Int16> = 4...16

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  /// 0 without a session.
  public var sessionId: Int32 = 0
  public var responses: [FetchableTopicResponse] = []
  public var nodeEndpoints: [NodeEndpoint] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    if field.version >= 7 {
      try field.errorCode(&errorCode)
      try field.int32(&sessionId)
    }
    try field.array(&responses)
    var present: TagSet = []
    present.insert(0, if: field.version >= 16 && !nodeEndpoints.isEmpty)
    try field.taggedFields(present) { (tag, field) throws(WireError) in
      switch tag {
      case 0 where field.version >= 16: try field.array(&nodeEndpoints)
      default: return false
      }
      return true
    }
  }
}

extension FetchResponse {
  public struct FetchableTopicResponse: WireStruct {
    public var topic: String = ""
    public var topicId: KafkaUUID = .zero
    public var partitions: [PartitionData] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      if field.version <= 12 {
        try field.string(&topic)
      } else {
        try field.uuid(&topicId)
      }
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct PartitionData: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none
    public var highWatermark: Int64 = 0
    public var lastStableOffset: Int64 = -1
    public var logStartOffset: Int64 = -1
    public var divergingEpoch = EpochEndOffset()
    public var currentLeader = LeaderIdAndEpoch()
    public var snapshotId = SnapshotId()
    /// Null unless the request reads committed records.
    public var abortedTransactions: [AbortedTransaction]? = []
    public var preferredReadReplica: Int32 = -1
    public var records: RecordsField = .null

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.int64(&highWatermark)
      try field.int64(&lastStableOffset)
      if field.version >= 5 {
        try field.int64(&logStartOffset)
      }
      try field.nullableArray(&abortedTransactions)
      if field.version >= 11 {
        try field.int32(&preferredReadReplica)
      }
      try field.records(&records)
      var present: TagSet = []
      present.insert(0, if: divergingEpoch != EpochEndOffset())
      present.insert(1, if: currentLeader != LeaderIdAndEpoch())
      present.insert(2, if: snapshotId != SnapshotId())
      try field.taggedFields(present) { (tag, field) throws(WireError) in
        switch tag {
        case 0: try divergingEpoch.transcode(&field)
        case 1: try currentLeader.transcode(&field)
        case 2: try snapshotId.transcode(&field)
        default: return false
        }
        return true
      }
    }
  }

  public struct EpochEndOffset: WireStruct, Equatable {
    public var epoch: Int32 = -1
    public var endOffset: Int64 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&epoch)
      try field.int64(&endOffset)
      try field.taggedFields()
    }
  }

  public struct LeaderIdAndEpoch: WireStruct, Equatable {
    public var leaderId: Int32 = -1
    public var leaderEpoch: Int32 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&leaderId)
      try field.int32(&leaderEpoch)
      try field.taggedFields()
    }
  }

  public struct SnapshotId: WireStruct, Equatable {
    public var endOffset: Int64 = -1
    public var epoch: Int32 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int64(&endOffset)
      try field.int32(&epoch)
      try field.taggedFields()
    }
  }

  public struct AbortedTransaction: WireStruct {
    public var producerId: Int64 = 0
    public var firstOffset: Int64 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int64(&producerId)
      try field.int64(&firstOffset)
      try field.taggedFields()
    }
  }

  public struct NodeEndpoint: WireStruct {
    public var nodeId: Int32 = 0
    public var host: String = ""
    public var port: Int32 = 0
    public var rack: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&nodeId)
      try field.string(&host)
      try field.int32(&port)
      try field.nullableString(&rack)
      try field.taggedFields()
    }
  }
}
