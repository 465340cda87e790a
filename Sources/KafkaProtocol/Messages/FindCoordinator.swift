/// Asks which broker coordinates a group (key type 0) or a transactional id (key type 1).
///
/// v1 key type · v3 flexible · v4 several keys at once.
public struct FindCoordinatorRequest: KafkaRequest {
  public typealias Response = FindCoordinatorResponse

  public static let apiKey = APIKey.findCoordinator
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var key: String = ""
  public var keyType: Int8 = 0
  public var coordinatorKeys: [String] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version <= 3 {
      try field.string(&key)
    }
    if field.version >= 1 {
      try field.int8(&keyType)
    }
    if field.version >= 4 {
      try field.array(&coordinatorKeys)
    }
    try field.taggedFields()
  }
}

/// One coordinator in the top-level fields up to v3, one entry per key from v4 on.
public struct FindCoordinatorResponse: KafkaMessage {
  public static let apiKey = APIKey.findCoordinator
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var errorMessage: String? = ""
  public var nodeId: Int32 = 0
  public var host: String = ""
  public var port: Int32 = 0
  public var coordinators: [Coordinator] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    if field.version <= 3 {
      try field.errorCode(&errorCode)
    }
    if field.version >= 1 && field.version <= 3 {
      try field.nullableString(&errorMessage)
    }
    if field.version <= 3 {
      try field.int32(&nodeId)
      try field.string(&host)
      try field.int32(&port)
    } else {
      try field.array(&coordinators)
    }
    try field.taggedFields()
  }
}

extension FindCoordinatorResponse {
  public struct Coordinator: WireStruct {
    public var key: String = ""
    public var nodeId: Int32 = 0
    public var host: String = ""
    public var port: Int32 = 0
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&key)
      try field.int32(&nodeId)
      try field.string(&host)
      try field.int32(&port)
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.taggedFields()
    }
  }
}
