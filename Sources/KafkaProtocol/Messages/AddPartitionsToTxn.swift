/// Adds partitions to a transaction: one transaction from a client up to v3, several from brokers from v4 on.
///
/// v3 flexible · v4 several transactions, verification only · v5 no change of layout.
public struct AddPartitionsToTxnRequest: KafkaRequest {
  public typealias Response = AddPartitionsToTxnResponse

  public static let apiKey = APIKey.addPartitionsToTxn
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var transactions: [AddPartitionsToTxnTransaction] = []
  public var v3AndBelowTransactionalId: String = ""
  public var v3AndBelowProducerId: Int64 = 0
  public var v3AndBelowProducerEpoch: Int16 = 0
  public var v3AndBelowTopics: [AddPartitionsToTxnTopic] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 4 {
      try field.array(&transactions)
    }
    if field.version <= 3 {
      try field.string(&v3AndBelowTransactionalId)
      try field.int64(&v3AndBelowProducerId)
      try field.int16(&v3AndBelowProducerEpoch)
      try field.array(&v3AndBelowTopics)
    }
    try field.taggedFields()
  }
}

extension AddPartitionsToTxnRequest {
  public struct AddPartitionsToTxnTransaction: WireStruct {
    public var transactionalId: String = ""
    public var producerId: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var verifyOnly: Bool = false
    public var topics: [AddPartitionsToTxnTopic] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&transactionalId)
      try field.int64(&producerId)
      try field.int16(&producerEpoch)
      try field.bool(&verifyOnly)
      try field.array(&topics)
      try field.taggedFields()
    }
  }

  public struct AddPartitionsToTxnTopic: WireStruct {
    public var name: String = ""
    public var partitions: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }
}

/// One result per partition, under its transaction from v4 on.
public struct AddPartitionsToTxnResponse: KafkaMessage {
  public static let apiKey = APIKey.addPartitionsToTxn
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var resultsByTransaction: [AddPartitionsToTxnResult] = []
  public var resultsByTopicV3AndBelow: [AddPartitionsToTxnTopicResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    if field.version >= 4 {
      try field.errorCode(&errorCode)
      try field.array(&resultsByTransaction)
    }
    if field.version <= 3 {
      try field.array(&resultsByTopicV3AndBelow)
    }
    try field.taggedFields()
  }
}

extension AddPartitionsToTxnResponse {
  public struct AddPartitionsToTxnResult: WireStruct {
    public var transactionalId: String = ""
    public var topicResults: [AddPartitionsToTxnTopicResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&transactionalId)
      try field.array(&topicResults)
      try field.taggedFields()
    }
  }

  public struct AddPartitionsToTxnTopicResult: WireStruct {
    public var name: String = ""
    public var resultsByPartition: [AddPartitionsToTxnPartitionResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&resultsByPartition)
      try field.taggedFields()
    }
  }

  public struct AddPartitionsToTxnPartitionResult: WireStruct {
    public var partitionIndex: Int32 = 0
    public var partitionErrorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&partitionErrorCode)
      try field.taggedFields()
    }
  }
}
