/// Asks for the configuration of topics (resource type 2) or brokers (4). Null keys ask for all of them.
///
/// v3 documentation · v4 flexible.
public struct DescribeConfigsRequest: KafkaRequest {
  public typealias Response = DescribeConfigsResponse

  public static let apiKey = APIKey.describeConfigs
  public static let supportedVersions: ClosedRange<Int16> = 1...4

  public var resources: [DescribeConfigsResource] = []
  public var includeSynonyms: Bool = false
  public var includeDocumentation: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&resources)
    try field.bool(&includeSynonyms)
    if field.version >= 3 {
      try field.bool(&includeDocumentation)
    }
    try field.taggedFields()
  }
}

extension DescribeConfigsRequest {
  public struct DescribeConfigsResource: WireStruct {
    public var resourceType: Int8 = 0
    public var resourceName: String = ""
    public var configurationKeys: [String]? = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.nullableArray(&configurationKeys)
      try field.taggedFields()
    }
  }
}

/// Configuration entries with where each value comes from. v3 type and documentation of each entry.
public struct DescribeConfigsResponse: KafkaMessage {
  public static let apiKey = APIKey.describeConfigs
  public static let supportedVersions: ClosedRange<Int16> = 1...4

  public var throttleTimeMs: Int32 = 0
  public var results: [DescribeConfigsResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&results)
    try field.taggedFields()
  }
}

extension DescribeConfigsResponse {
  public struct DescribeConfigsResult: WireStruct {
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""
    public var resourceType: Int8 = 0
    public var resourceName: String = ""
    public var configs: [DescribeConfigsResourceResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.array(&configs)
      try field.taggedFields()
    }
  }

  public struct DescribeConfigsResourceResult: WireStruct {
    public var name: String = ""
    public var value: String? = ""
    public var readOnly: Bool = false
    /// 1 topic, 2 one broker (dynamic), 3 all brokers (dynamic), 4 one broker (static), 5 default.
    public var configSource: Int8 = -1
    public var isSensitive: Bool = false
    public var synonyms: [DescribeConfigsSynonym] = []
    /// 0 unknown, 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
    public var configType: Int8 = 0
    public var documentation: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.nullableString(&value)
      try field.bool(&readOnly)
      try field.int8(&configSource)
      try field.bool(&isSensitive)
      try field.array(&synonyms)
      if field.version >= 3 {
        try field.int8(&configType)
        try field.nullableString(&documentation)
      }
      try field.taggedFields()
    }
  }

  public struct DescribeConfigsSynonym: WireStruct {
    public var name: String = ""
    public var value: String? = ""
    public var source: Int8 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.nullableString(&value)
      try field.int8(&source)
      try field.taggedFields()
    }
  }
}
