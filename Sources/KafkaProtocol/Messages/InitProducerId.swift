/// Asks for a producer id and epoch; with a transactional id it fences earlier holders of that id.
///
/// v2 flexible · v3 the present id and epoch, to bump them · v4 answers PRODUCER_FENCED · v5 no change of layout.
public struct InitProducerIdRequest: KafkaRequest {
  public typealias Response = InitProducerIdResponse

  public static let apiKey = APIKey.initProducerId
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var transactionalId: String? = ""
  public var transactionTimeoutMs: Int32 = 0
  public var producerId: Int64 = -1
  public var producerEpoch: Int16 = -1

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.nullableString(&transactionalId)
    try field.int32(&transactionTimeoutMs)
    if field.version >= 3 {
      try field.int64(&producerId)
      try field.int16(&producerEpoch)
    }
    try field.taggedFields()
  }
}

/// The producer id and epoch to put into record batches.
public struct InitProducerIdResponse: KafkaMessage {
  public static let apiKey = APIKey.initProducerId
  public static let supportedVersions: ClosedRange<Int16> = 0...5

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var producerId: Int64 = -1
  public var producerEpoch: Int16 = 0

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    try field.int64(&producerId)
    try field.int16(&producerEpoch)
    try field.taggedFields()
  }
}
