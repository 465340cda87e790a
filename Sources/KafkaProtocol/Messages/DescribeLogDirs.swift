/// Asks for the sizes of partitions by directory. Null topics ask for all. v2 flexible.
public struct DescribeLogDirsRequest: KafkaRequest {
  public typealias Response = DescribeLogDirsResponse

  public static let apiKey = APIKey.describeLogDirs
  public static let supportedVersions: ClosedRange<Int16> = 1...4

  public var topics: [DescribableLogDirTopic]? = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.nullableArray(&topics)
    try field.taggedFields()
  }
}

extension DescribeLogDirsRequest {
  public struct DescribableLogDirTopic: WireStruct {
    public var topic: String = ""
    public var partitions: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&topic)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }
}

/// Directories with the partitions in them. v3 a top-level error · v4 size and free space of the volume.
public struct DescribeLogDirsResponse: KafkaMessage {
  public static let apiKey = APIKey.describeLogDirs
  public static let supportedVersions: ClosedRange<Int16> = 1...4

  public var throttleTimeMs: Int32 = 0
  public var errorCode: ErrorCode = .none
  public var results: [DescribeLogDirsResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.int32(&throttleTimeMs)
    if field.version >= 3 {
      try field.errorCode(&errorCode)
    }
    try field.array(&results)
    try field.taggedFields()
  }
}

extension DescribeLogDirsResponse {
  public struct DescribeLogDirsResult: WireStruct {
    public var errorCode: ErrorCode = .none
    public var logDir: String = ""
    public var topics: [DescribeLogDirsTopic] = []
    public var totalBytes: Int64 = -1
    public var usableBytes: Int64 = -1

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.errorCode(&errorCode)
      try field.string(&logDir)
      try field.array(&topics)
      if field.version >= 4 {
        try field.int64(&totalBytes)
        try field.int64(&usableBytes)
      }
      try field.taggedFields()
    }
  }

  public struct DescribeLogDirsTopic: WireStruct {
    public var name: String = ""
    public var partitions: [DescribeLogDirsPartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct DescribeLogDirsPartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var partitionSize: Int64 = 0
    public var offsetLag: Int64 = 0
    /// Whether this is a copy that is being moved to this directory.
    public var isFutureKey: Bool = false

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&partitionSize)
      try field.int64(&offsetLag)
      try field.bool(&isFutureKey)
      try field.taggedFields()
    }
  }
}
