/// What a consumer subscribes to: the member metadata in JoinGroup for protocol type "consumer".
///
/// v1 partitions held now · v2 the generation they were held in · v3 rack.
public struct ConsumerProtocolSubscription: ConsumerProtocolData {
  public static let supportedVersions: ClosedRange<Int16> = 0...3

  public var topics: [String] = []
  public var userData: [UInt8]?
  public var ownedPartitions: [TopicPartition] = []
  public var generationId: Int32 = -1
  public var rackId: String?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&topics)
    try field.nullableBytes(&userData)
    if field.version >= 1 {
      try field.array(&ownedPartitions)
    }
    if field.version >= 2 {
      try field.int32(&generationId)
    }
    if field.version >= 3 {
      try field.nullableString(&rackId)
    }
  }
}

extension ConsumerProtocolSubscription {
  public struct TopicPartition: WireStruct {
    public var topic: String = ""
    public var partitions: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topic)
      try field.array(&partitions)
    }
  }
}
