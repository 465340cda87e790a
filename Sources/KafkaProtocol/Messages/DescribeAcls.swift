/// Asks for access rules that match a filter; null matches any. v1 pattern types · v2 flexible · v3 user resources.
public struct DescribeAclsRequest: KafkaRequest {
  public typealias Response = DescribeAclsResponse

  public static let apiKey = APIKey.describeAcls
  public static let supportedVersions: ClosedRange<Int16> = 1...3

  public var resourceTypeFilter: Int8 = 0
  public var resourceNameFilter: String? = ""
  public var patternTypeFilter: Int8 = 3
  public var principalFilter: String? = ""
  public var hostFilter: String? = ""
  public var operation: Int8 = 0
  public var permissionType: Int8 = 0

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int8(&resourceTypeFilter)
    try field.nullableString(&resourceNameFilter)
    try field.int8(&patternTypeFilter)
    try field.nullableString(&principalFilter)
    try field.nullableString(&hostFilter)
    try field.int8(&operation)
    try field.int8(&permissionType)
    try field.taggedFields()
  }
}

/// Access rules, by resource.
public struct DescribeAclsResponse: KafkaMessage {
  public static let apiKey = APIKey.describeAcls
  public static let supportedVersions: ClosedRange<Int16> = 1...3

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var errorMessage: String? = ""
  public var resources: [DescribeAclsResource] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    try field.nullableString(&errorMessage)
    try field.array(&resources)
    try field.taggedFields()
  }
}

extension DescribeAclsResponse {
  public struct DescribeAclsResource: WireStruct {
    public var resourceType: Int8 = 0
    public var resourceName: String = ""
    public var patternType: Int8 = 3
    public var acls: [AclDescription] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.int8(&patternType)
      try field.array(&acls)
      try field.taggedFields()
    }
  }

  public struct AclDescription: WireStruct {
    public var principal: String = ""
    public var host: String = ""
    public var operation: Int8 = 0
    public var permissionType: Int8 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&principal)
      try field.string(&host)
      try field.int8(&operation)
      try field.int8(&permissionType)
      try field.taggedFields()
    }
  }
}
