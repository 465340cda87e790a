/// Deletes the access rules that match any of the filters. v1 pattern types · v2 flexible · v3 user resources.
public struct DeleteAclsRequest: KafkaRequest {
  public typealias Response = DeleteAclsResponse

  public static let apiKey = APIKey.deleteAcls
  public static let supportedVersions: ClosedRange<Int16> = 1...3

  public var filters: [DeleteAclsFilter] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&filters)
    try field.taggedFields()
  }
}

extension DeleteAclsRequest {
  public struct DeleteAclsFilter: WireStruct {
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
}

/// The rules that each filter has deleted, in the order of the request.
public struct DeleteAclsResponse: KafkaMessage {
  public static let apiKey = APIKey.deleteAcls
  public static let supportedVersions: ClosedRange<Int16> = 1...3

  public var throttleTimeMs: Int32 = 0
  public var filterResults: [DeleteAclsFilterResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&filterResults)
    try field.taggedFields()
  }
}

extension DeleteAclsResponse {
  public struct DeleteAclsFilterResult: WireStruct {
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""
    public var matchingAcls: [DeleteAclsMatchingAcl] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.array(&matchingAcls)
      try field.taggedFields()
    }
  }

  public struct DeleteAclsMatchingAcl: WireStruct {
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""
    public var resourceType: Int8 = 0
    public var resourceName: String = ""
    public var patternType: Int8 = 3
    public var principal: String = ""
    public var host: String = ""
    public var operation: Int8 = 0
    public var permissionType: Int8 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.int8(&patternType)
      try field.string(&principal)
      try field.string(&host)
      try field.int8(&operation)
      try field.int8(&permissionType)
      try field.taggedFields()
    }
  }
}
