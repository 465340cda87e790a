/// Replaces the whole configuration of topics or brokers. v2 flexible.
public struct AlterConfigsRequest: KafkaRequest {
  public typealias Response = AlterConfigsResponse

  public static let apiKey = APIKey.alterConfigs
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var resources: [AlterConfigsResource] = []
  public var validateOnly: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&resources)
    try field.bool(&validateOnly)
    try field.taggedFields()
  }
}

extension AlterConfigsRequest {
  public struct AlterConfigsResource: WireStruct {
    public var resourceType: Int8 = 0
    public var resourceName: String = ""
    public var configs: [AlterableConfig] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.array(&configs)
      try field.taggedFields()
    }
  }

  public struct AlterableConfig: WireStruct {
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

/// One result per resource of the request.
public struct AlterConfigsResponse: KafkaMessage {
  public static let apiKey = APIKey.alterConfigs
  public static let supportedVersions: ClosedRange<Int16> = 0...2

  public var throttleTimeMs: Int32 = 0
  public var responses: [AlterConfigsResourceResponse] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&responses)
    try field.taggedFields()
  }
}

extension AlterConfigsResponse {
  public struct AlterConfigsResourceResponse: WireStruct {
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""
    public var resourceType: Int8 = 0
    public var resourceName: String = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.taggedFields()
    }
  }
}
