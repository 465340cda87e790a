/// Creates access rules. v1 pattern types · v2 flexible · v3 user resources.
public struct CreateAclsRequest: KafkaRequest {
  public typealias Response = CreateAclsResponse

  public static let apiKey = APIKey.createAcls
  public static let supportedVersions: ClosedRange<Int16> = 1...3

  public var creations: [AclCreation] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&creations)
    try field.taggedFields()
  }
}

extension CreateAclsRequest {
  public struct AclCreation: WireStruct {
    public var resourceType: Int8 = 0
    public var resourceName: String = ""
    public var resourcePatternType: Int8 = 3
    public var principal: String = ""
    public var host: String = ""
    public var operation: Int8 = 0
    public var permissionType: Int8 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int8(&resourceType)
      try field.string(&resourceName)
      try field.int8(&resourcePatternType)
      try field.string(&principal)
      try field.string(&host)
      try field.int8(&operation)
      try field.int8(&permissionType)
      try field.taggedFields()
    }
  }
}

/// One result per rule of the request, in its order.
public struct CreateAclsResponse: KafkaMessage {
  public static let apiKey = APIKey.createAcls
  public static let supportedVersions: ClosedRange<Int16> = 1...3

  public var throttleTimeMs: Int32 = 0
  public var results: [AclCreationResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.array(&results)
    try field.taggedFields()
  }
}

extension CreateAclsResponse {
  public struct AclCreationResult: WireStruct {
    public var errorCode: ErrorCode = .none
    public var errorMessage: String? = ""

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.nullableString(&errorMessage)
      try field.taggedFields()
    }
  }
}
