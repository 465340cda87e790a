/// What a consumer was given: the assignment in SyncGroup for protocol type "consumer". All versions look alike.
public struct ConsumerProtocolAssignment: ConsumerProtocolData {
  public static let supportedVersions: ClosedRange<Int16> = 0...3

  public var assignedPartitions: [TopicPartition] = []
  public var userData: [UInt8]?

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&assignedPartitions)
    try field.nullableBytes(&userData)
  }
}

extension ConsumerProtocolAssignment {
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
