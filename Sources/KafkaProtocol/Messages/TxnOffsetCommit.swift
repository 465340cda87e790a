/// Commits offsets of a group as a part of a transaction; they count once the transaction is committed.
///
/// v2 leader epoch · v3 flexible, group membership for fencing · v5 no change of layout.
public struct TxnOffsetCommitRequest: KafkaRequest {
  public typealias Response = TxnOffsetCommitResponse

  public static let apiKey = APIKey.txnOffsetCommit
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var transactionalId: String = ""
  public var groupId: String = ""
  public var producerId: Int64 = 0
  public var producerEpoch: Int16 = 0
  public var generationId: Int32 = -1
  public var memberId: String = ""
  public var groupInstanceId: String?
  public var topics: [TxnOffsetCommitRequestTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&transactionalId)
    try field.string(&groupId)
    try field.int64(&producerId)
    try field.int16(&producerEpoch)
    if field.version >= 3 {
      try field.int32(&generationId)
      try field.string(&memberId)
      try field.nullableString(&groupInstanceId)
    }
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension TxnOffsetCommitRequest {
  public struct TxnOffsetCommitRequestTopic: WireStruct {
    public var name: String = ""
    public var partitions: [TxnOffsetCommitRequestPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct TxnOffsetCommitRequestPartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var committedOffset: Int64 = 0
    public var committedLeaderEpoch: Int32 = -1
    public var committedMetadata: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&committedOffset)
      if field.version >= 2 {
        try field.int32(&committedLeaderEpoch)
      }
      try field.nullableString(&committedMetadata)
      try field.taggedFields()
    }
  }
}

/// One result per partition of the request.
public struct TxnOffsetCommitResponse: KafkaMessage {
  public static let apiKey = APIKey.txnOffsetCommit
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var topics: [TxnOffsetCommitResponseTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension TxnOffsetCommitResponse {
  public struct TxnOffsetCommitResponseTopic: WireStruct {
    public var name: String = ""
    public var partitions: [TxnOffsetCommitResponsePartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct TxnOffsetCommitResponsePartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
