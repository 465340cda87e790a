/// Asks for the state of transactions by transactional id.
public struct DescribeTransactionsRequest: KafkaRequest {
  public typealias Response = DescribeTransactionsResponse

  public static let apiKey = APIKey.describeTransactions
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var transactionalIds: [String] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&transactionalIds)
    try field.taggedFields()
  }
}

/// State, producer and partitions of each transaction.
public struct DescribeTransactionsResponse: KafkaMessage {
  public static let apiKey = APIKey.describeTransactions
  public static let supportedVersions: ClosedRange<Int16> = 0...0

  public var throttleTimeMs: Int32 = 0
  public var transactionStates: [TransactionState] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&transactionStates)
    try field.taggedFields()
  }
}

extension DescribeTransactionsResponse {
  public struct TransactionState: WireStruct {
    public var errorCode: ErrorCode = .none
    public var transactionalId: String = ""
    public var transactionState: String = ""
    public var transactionTimeoutMs: Int32 = 0
    public var transactionStartTimeMs: Int64 = 0
    public var producerId: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var topics: [TopicData] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.string(&transactionalId)
      try field.string(&transactionState)
      try field.int32(&transactionTimeoutMs)
      try field.int64(&transactionStartTimeMs)
      try field.int64(&producerId)
      try field.int16(&producerEpoch)
      try field.array(&topics)
      try field.taggedFields()
    }
  }

  public struct TopicData: WireStruct {
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
