/// Adds the offsets of a group to a transaction. v3 flexible · v4 may answer TRANSACTION_ABORTABLE.
public struct AddOffsetsToTxnRequest: KafkaRequest {
  public typealias Response = AddOffsetsToTxnResponse

  public static let apiKey = APIKey.addOffsetsToTxn
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var transactionalId: String = ""
  public var producerId: Int64 = 0
  public var producerEpoch: Int16 = 0
  public var groupId: String = ""

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&transactionalId)
    try field.int64(&producerId)
    try field.int16(&producerEpoch)
    try field.string(&groupId)
    try field.taggedFields()
  }
}

/// The result for the group.
public struct AddOffsetsToTxnResponse: KafkaMessage {
  public static let apiKey = APIKey.addOffsetsToTxn
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    try field.taggedFields()
  }
}
