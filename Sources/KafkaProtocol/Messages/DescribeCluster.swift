/// Asks for the brokers of the cluster, without topics. v1 asks for brokers (1) or controllers (2).
public struct DescribeClusterRequest: KafkaRequest {
  public typealias Response = DescribeClusterResponse

  public static let apiKey = APIKey.describeCluster
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var includeClusterAuthorizedOperations: Bool = false
  public var endpointType: Int8 = 1

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.bool(&includeClusterAuthorizedOperations)
    if field.version >= 1 {
      try field.int8(&endpointType)
    }
    try field.taggedFields()
  }
}

/// The brokers, the controller and the id of the cluster.
public struct DescribeClusterResponse: KafkaMessage {
  public static let apiKey = APIKey.describeCluster
  public static let supportedVersions: ClosedRange<Int16> = 0...1

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var errorMessage: String?
  public var endpointType: Int8 = 1
  public var clusterId: String = ""
  public var controllerId: Int32 = -1
  public var brokers: [DescribeClusterBroker] = []
  /// A bit per operation; `Int32.min` when not asked for.
  public var clusterAuthorizedOperations: Int32 = .min

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    try field.errorCode(&errorCode)
    try field.nullableString(&errorMessage)
    if field.version >= 1 {
      try field.int8(&endpointType)
    }
    try field.string(&clusterId)
    try field.int32(&controllerId)
    try field.array(&brokers)
    try field.int32(&clusterAuthorizedOperations)
    try field.taggedFields()
  }
}

extension DescribeClusterResponse {
  public struct DescribeClusterBroker: WireStruct {
    public var brokerId: Int32 = 0
    public var host: String = ""
    public var port: Int32 = 0
    public var rack: String?

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&brokerId)
      try field.string(&host)
      try field.int32(&port)
      try field.nullableString(&rack)
      try field.taggedFields()
    }
  }
}
