/// Deletes topics: by `topicNames` up to v5, by name or by id in `topics` from v6 on.
///
/// v4 flexible · v5 error messages · v6 topic ids.
public struct DeleteTopicsRequest: KafkaRequest {
  public typealias Response = DeleteTopicsResponse

  public static let apiKey = APIKey.deleteTopics
  public static let supportedVersions: ClosedRange<Int16> = 1...6

  public var topics: [DeleteTopicState] = []
  public var topicNames: [String] = []
  public var timeoutMs: Int32 = 0

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 6 {
      try field.array(&topics)
    }
    if field.version <= 5 {
      try field.array(&topicNames)
    }
    try field.int32(&timeoutMs)
    try field.taggedFields()
  }
}

extension DeleteTopicsRequest {
  public struct DeleteTopicState: WireStruct {
    public var name: String?
    public var topicId: KafkaUUID = .zero

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.nullableString(&name)
      try field.uuid(&topicId)
      try field.taggedFields()
    }
  }
}

/// One result per topic of the request; from v6 on the name is null for an id that is unknown.
public struct DeleteTopicsResponse: KafkaMessage {
  public static let apiKey = APIKey.deleteTopics
  public static let supportedVersions: ClosedRange<Int16> = 1...6

  public var throttleTimeMs: Int32 = 0
  public var responses: [DeletableTopicResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&responses)
    try field.taggedFields()
  }
}

extension DeleteTopicsResponse {
  public struct DeletableTopicResult: WireStruct {
    public var name: String? = ""
    public var topicId: KafkaUUID = .zero
    public var errorCode: ErrorCode = .none
    public var errorMessage: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.nullableString(&name, nullable: field.version >= 6)
      if field.version >= 6 {
        try field.uuid(&topicId)
      }
      try field.errorCode(&errorCode)
      if field.version >= 5 {
        try field.nullableString(&errorMessage)
      }
      try field.taggedFields()
    }
  }
}
