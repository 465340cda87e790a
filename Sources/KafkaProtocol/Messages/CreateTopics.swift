/// Creates topics; each one succeeds or fails on its own.
///
/// v4 -1 partitions or replicas mean the broker's default · v5 flexible · v7 topic ids in the response.
public struct CreateTopicsRequest: KafkaRequest {
  public typealias Response = CreateTopicsResponse

  public static let apiKey = APIKey.createTopics
  public static let supportedVersions: ClosedRange<Int16> = 2...7

  public var topics: [CreatableTopic] = []
  public var timeoutMs: Int32 = 60000
  public var validateOnly: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&topics)
    try field.int32(&timeoutMs)
    try field.bool(&validateOnly)
    try field.taggedFields()
  }
}

extension CreateTopicsRequest {
  public struct CreatableTopic: WireStruct {
    public var name: String = ""
    /// -1 for the default of the broker, and when `assignments` are given.
    public var numPartitions: Int32 = 0
    /// -1 for the default of the broker, and when `assignments` are given.
    public var replicationFactor: Int16 = 0
    public var assignments: [CreatableReplicaAssignment] = []
    public var configs: [CreatableTopicConfig] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.int32(&numPartitions)
      try field.int16(&replicationFactor)
      try field.array(&assignments)
      try field.array(&configs)
      try field.taggedFields()
    }
  }

  public struct CreatableReplicaAssignment: WireStruct {
    public var partitionIndex: Int32 = 0
    public var brokerIds: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.array(&brokerIds)
      try field.taggedFields()
    }
  }

  public struct CreatableTopicConfig: WireStruct {
    public var name: String = ""
    public var value: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.nullableString(&value)
      try field.taggedFields()
    }
  }
}

/// v5 flexible, what was created with its configuration · v7 topic ids.
public struct CreateTopicsResponse: KafkaMessage {
  public static let apiKey = APIKey.createTopics
  public static let supportedVersions: ClosedRange<Int16> = 2...7

  public var throttleTimeMs: Int32 = 0
  public var topics: [CreatableTopicResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&topics)
    try field.taggedFields()
  }
}

extension CreateTopicsResponse {
  public struct CreatableTopicResult: WireStruct {
    public var name: String = ""
    public var topicId: KafkaUUID = .zero
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""
    public var topicConfigErrorCode: ErrorCode = .none
    public var numPartitions: Int32 = -1
    public var replicationFactor: Int16 = -1
    public var configs: [CreatableTopicConfigs]? = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      if field.version >= 7 {
        try field.uuid(&topicId)
      }
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      if field.version >= 5 {
        try field.int32(&numPartitions)
        try field.int16(&replicationFactor)
        try field.nullableArray(&configs)
      }
      var present: TagSet = []
      present.insert(0, if: topicConfigErrorCode != .none)
      try field.taggedFields(present) { (tag, field) throws(WireError) in
        switch tag {
        case 0: try field.errorCode(&topicConfigErrorCode)
        default: return false
        }
        return true
      }
    }
  }

  public struct CreatableTopicConfigs: WireStruct {
    public var name: String = ""
    public var value: String? = ""
    public var readOnly: Bool = false
    public var configSource: Int8 = -1
    public var isSensitive: Bool = false

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.nullableString(&value)
      try field.bool(&readOnly)
      try field.int8(&configSource)
      try field.bool(&isSensitive)
      try field.taggedFields()
    }
  }
}
