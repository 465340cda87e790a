/// Lists transactions; empty filters let all pass. v1 minimal duration · v2 pattern for the transactional id (RE2
/// syntax).
public struct ListTransactionsRequest: KafkaRequest {
  public typealias Response = ListTransactionsResponse

  public static let apiKey = APIKey.listTransactions
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var stateFilters: [String] = []
  public var producerIdFilters: [Int64] = []
  public var durationFilter: Int64 = -1
  public var transactionalIdPattern: String?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&stateFilters)
    try field.array(&producerIdFilters)
    if field.version >= 1 {
      try field.int64(&durationFilter)
    }
    if field.version >= 2 {
      try field.nullableString(&transactionalIdPattern)
    }
    try field.taggedFields()
  }
}

/// Transactions, and those state filters that the broker does not know.
public struct ListTransactionsResponse: KafkaMessage {
  public static let apiKey = APIKey.listTransactions
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var unknownStateFilters: [String] = []
  public var transactionStates: [TransactionState] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    try field.array(&unknownStateFilters)
    try field.array(&transactionStates)
    try field.taggedFields()
  }
}

extension ListTransactionsResponse {
  public struct TransactionState: WireStruct {
    public var transactionalId: String = ""
    public var producerId: Int64 = 0
    public var transactionState: String = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&transactionalId)
      try field.int64(&producerId)
      try field.string(&transactionState)
      try field.taggedFields()
    }
  }
}
