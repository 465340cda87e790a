/// The first request of a connection: which versions does the broker speak?
///
/// v3 flexible, name and version of the client's software. The broker answers versions it does not know in the v0
/// layout.
public struct ApiVersionsRequest: KafkaRequest {
  public typealias Response = ApiVersionsResponse

  public static let apiKey = APIKey.apiVersions
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var clientSoftwareName: String = ""
  public var clientSoftwareVersion: String = ""

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 3 {
      try field.string(&clientSoftwareName)
      try field.string(&clientSoftwareVersion)
    }
    try field.taggedFields()
  }
}

/// Version ranges per API. Its header is always version 0, whatever the version of the body.
///
/// v1 throttle time · v3 flexible, feature levels as tagged fields · v4 a feature's minimal version may be 0.
public struct ApiVersionsResponse: KafkaMessage {
  public static let apiKey = APIKey.apiVersions
  public static let supportedVersions: ClosedRange<Int16> = 0...4

  public var errorCode: ErrorCode = .none
  public var apiKeys: [ApiVersion] = []
  public var throttleTimeMs: Int32 = 0
  public var supportedFeatures: [SupportedFeatureKey] = []
  public var finalizedFeaturesEpoch: Int64 = -1
  public var finalizedFeatures: [FinalizedFeatureKey] = []
  public var zkMigrationReady: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.errorCode(&errorCode)
    try field.array(&apiKeys)
    if field.version >= 1 {
      try field.int32(&throttleTimeMs)
    }
    var present: TagSet = []
    present.insert(0, if: !supportedFeatures.isEmpty)
    present.insert(1, if: finalizedFeaturesEpoch != -1)
    present.insert(2, if: !finalizedFeatures.isEmpty)
    present.insert(3, if: zkMigrationReady)
    try field.taggedFields(present) { (tag, field) throws(WireError) in
      switch tag {
      case 0: try field.array(&supportedFeatures)
      case 1: try field.int64(&finalizedFeaturesEpoch)
      case 2: try field.array(&finalizedFeatures)
      case 3: try field.bool(&zkMigrationReady)
      default: return false
      }
      return true
    }
  }
}

extension ApiVersionsResponse {
  public struct ApiVersion: WireStruct {
    public var apiKey: Int16 = 0
    public var minVersion: Int16 = 0
    public var maxVersion: Int16 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int16(&apiKey)
      try field.int16(&minVersion)
      try field.int16(&maxVersion)
      try field.taggedFields()
    }
  }

  public struct SupportedFeatureKey: WireStruct {
    public var name: String = ""
    public var minVersion: Int16 = 0
    public var maxVersion: Int16 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.int16(&minVersion)
      try field.int16(&maxVersion)
      try field.taggedFields()
    }
  }

  public struct FinalizedFeatureKey: WireStruct {
    public var name: String = ""
    public var maxVersionLevel: Int16 = 0
    public var minVersionLevel: Int16 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.int16(&maxVersionLevel)
      try field.int16(&minVersionLevel)
      try field.taggedFields()
    }
  }
}
