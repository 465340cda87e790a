/// Record batches to append, one `records` field per partition.
///
/// v3 transactional id · v7 zstd allowed · v9 flexible · v10 the response hints at the leader · v11 no change of
/// layout. Versions 0–2 carried the old record formats and are gone.
public struct ProduceRequest: KafkaRequest {
  public typealias Response = ProduceResponse

  public static let apiKey = APIKey.produce
  public static let supportedVersions: ClosedRange<Int16> = 3...11

  public var transactionalId: String?
  /// -1 all in-sync replicas, 1 the leader, 0 no response at all.
  public var acks: Int16 = 0
  public var timeoutMs: Int32 = 0
  public var topicData: [TopicProduceData] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.nullableString(&transactionalId)
    try field.int16(&acks)
    try field.int32(&timeoutMs)
    try field.array(&topicData)
    try field.taggedFields()
  }
}

extension ProduceRequest {
  public struct TopicProduceData: WireStruct {
    public var name: String = ""
    public var partitionData: [PartitionProduceData] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitionData)
      try field.taggedFields()
    }
  }

  public struct PartitionProduceData: WireStruct {
    public var index: Int32 = 0
    public var records: RecordsField = .null

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&index)
      try field.records(&records)
      try field.taggedFields()
    }
  }
}

/// One result per partition of the request. Not sent at all when the request had acks = 0.
///
/// v5 log start offset · v8 errors of single records · v9 flexible · v10 current leader and its address, tagged.
public struct ProduceResponse: KafkaMessage {
  public static let apiKey = APIKey.produce
  public static let supportedVersions: ClosedRange<Int16> = 3...11

  public var responses: [TopicProduceResponse] = []
  /// Last of the plain fields, unlike in most responses.
  public var throttleTimeMs: Int32 = 0
  public var nodeEndpoints: [NodeEndpoint] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&responses)
    try field.int32(&throttleTimeMs)
    var present: TagSet = []
    present.insert(0, if: field.version >= 10 && !nodeEndpoints.isEmpty)
    try field.taggedFields(present) { (tag, field) throws(WireError) in
      switch tag {
      case 0 where field.version >= 10: try field.array(&nodeEndpoints)
      default: return false
      }
      return true
    }
  }
}

extension ProduceResponse {
  public struct TopicProduceResponse: WireStruct {
    public var name: String = ""
    public var partitionResponses: [PartitionProduceResponse] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitionResponses)
      try field.taggedFields()
    }
  }

  public struct PartitionProduceResponse: WireStruct {
    public var index: Int32 = 0
    public var errorCode: ErrorCode = .none
    /// Offset of the first record appended; -1 on errors.
    public var baseOffset: Int64 = 0
    /// -1 unless the topic stamps records with the time of their append.
    public var logAppendTimeMs: Int64 = -1
    public var logStartOffset: Int64 = -1
    public var recordErrors: [BatchIndexAndErrorMessage] = []
    public var errorMessage: String?
    public var currentLeader = LeaderIdAndEpoch()

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&index)
      try field.errorCode(&errorCode)
      try field.int64(&baseOffset)
      try field.int64(&logAppendTimeMs)
      if field.version >= 5 {
        try field.int64(&logStartOffset)
      }
      if field.version >= 8 {
        try field.array(&recordErrors)
        try field.nullableString(&errorMessage)
      }
      var present: TagSet = []
      present.insert(0, if: field.version >= 10 && currentLeader != LeaderIdAndEpoch())
      try field.taggedFields(present) { (tag, field) throws(WireError) in
        switch tag {
        case 0 where field.version >= 10: try currentLeader.transcode(&field)
        default: return false
        }
        return true
      }
    }
  }

  public struct BatchIndexAndErrorMessage: WireStruct {
    public var batchIndex: Int32 = 0
    public var batchIndexErrorMessage: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&batchIndex)
      try field.nullableString(&batchIndexErrorMessage)
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
