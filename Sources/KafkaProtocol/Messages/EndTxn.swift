/// Commits or aborts a transaction. v3 flexible · v5 the epoch is bumped with every transaction.
public struct EndTxnRequest: KafkaRequest {
  public typealias Response = EndTxnResponse

  public static let apiKey = APIKey.endTxn
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var transactionalId: String = ""
  public var producerId: Int64 = 0
  public var producerEpoch: Int16 = 0
  /// True to commit, false to abort.
  public var committed: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&transactionalId)
    try field.int64(&producerId)
    try field.int16(&producerEpoch)
    try field.bool(&committed)
    try field.taggedFields()
  }
}

/// v5 the producer id and epoch to use from now on.
public struct EndTxnResponse: KafkaMessage {
  public static let apiKey = APIKey.endTxn
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var producerId: Int64 = -1
  public var producerEpoch: Int16 = -1

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    if field.version >= 5 {
      try field.int64(&producerId)
      try field.int16(&producerEpoch)
    }
    try field.taggedFields()
  }
}
