/// Changes single configuration entries: set (0), delete (1), append (2), subtract (3). v1 flexible.
public struct IncrementalAlterConfigsRequest: KafkaRequest {
  public typealias Response = IncrementalAlterConfigsResponse

  public static let apiKey = APIKey.incrementalAlterConfigs
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var resources: [AlterConfigsResource] = []
  public var validateOnly: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&resources)
    try field.bool(&validateOnly)
    try field.taggedFields()
  }
}

extension IncrementalAlterConfigsRequest {
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
    public var configOperation: Int8 = 0
    public var value: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.int8(&configOperation)
      try field.nullableString(&value)
      try field.taggedFields()
    }
  }
}

/// One result per resource of the request.
public struct IncrementalAlterConfigsResponse: KafkaMessage {
  public static let apiKey = APIKey.incrementalAlterConfigs
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var throttleTimeMs: Int32 = 0
  public var responses: [AlterConfigsResourceResponse] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&responses)
    try field.taggedFields()
  }
}

extension IncrementalAlterConfigsResponse {
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
