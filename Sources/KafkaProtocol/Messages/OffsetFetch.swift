/// Asks for committed offsets: of one group up to v7, of several in `groups` from v8 on. Null topics ask for all.
///
/// v2 null topics · v6 flexible · v7 wait for open transactions (`requireStable`) · v8 several groups · v9 member
/// fencing.
public struct OffsetFetchRequest: KafkaRequest {
  public typealias Response = OffsetFetchResponse

  public static let apiKey = APIKey.offsetFetch
  public static let supportedVersions: ClosedRange<Int16> = 1...9

  public var groupId: String = ""
  public var topics: [OffsetFetchRequestTopic]? = []
  public var groups: [OffsetFetchRequestGroup] = []
  public var requireStable: Bool = false

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version <= 7 {
      try field.string(&groupId)
      try field.nullableArray(&topics, nullable: field.version >= 2)
    } else {
      try field.array(&groups)
    }
    if field.version >= 7 {
      try field.bool(&requireStable)
    }
    try field.taggedFields()
  }
}

extension OffsetFetchRequest {
  public struct OffsetFetchRequestTopic: WireStruct {
    public var name: String = ""
    public var partitionIndexes: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitionIndexes)
      try field.taggedFields()
    }
  }

  public struct OffsetFetchRequestGroup: WireStruct {
    public var groupId: String = ""
    public var memberId: String?
    public var memberEpoch: Int32 = -1
    public var topics: [OffsetFetchRequestTopics]? = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&groupId)
      if field.version >= 9 {
        try field.nullableString(&memberId)
        try field.int32(&memberEpoch)
      }
      try field.nullableArray(&topics)
      try field.taggedFields()
    }
  }

  public struct OffsetFetchRequestTopics: WireStruct {
    public var name: String = ""
    public var partitionIndexes: [Int32] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitionIndexes)
      try field.taggedFields()
    }
  }
}

/// Committed offsets, -1 where there is none; one group in the top-level fields up to v7, `groups` from v8 on.
public struct OffsetFetchResponse: KafkaMessage {
  public static let apiKey = APIKey.offsetFetch
  public static let supportedVersions: ClosedRange<Int16> = 1...9

  public var throttleTimeMs: Int32 = 0
  public var topics: [OffsetFetchResponseTopic] = []
  public var errorCode: ErrorCode = .none
  public var groups: [OffsetFetchResponseGroup] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    if field.version >= 3 {
      try field.int32(&throttleTimeMs)
    }
    if field.version <= 7 {
      try field.array(&topics)
    }
    if field.version >= 2 && field.version <= 7 {
      try field.errorCode(&errorCode)
    }
    if field.version >= 8 {
      try field.array(&groups)
    }
    try field.taggedFields()
  }
}

extension OffsetFetchResponse {
  public struct OffsetFetchResponseTopic: WireStruct {
    public var name: String = ""
    public var partitions: [OffsetFetchResponsePartition] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct OffsetFetchResponsePartition: WireStruct {
    public var partitionIndex: Int32 = 0
    public var committedOffset: Int64 = 0
    public var committedLeaderEpoch: Int32 = -1
    public var metadata: String? = ""
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&committedOffset)
      if field.version >= 5 {
        try field.int32(&committedLeaderEpoch)
      }
      try field.nullableString(&metadata)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }

  public struct OffsetFetchResponseGroup: WireStruct {
    public var groupId: String = ""
    public var topics: [OffsetFetchResponseTopics] = []
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&groupId)
      try field.array(&topics)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }

  public struct OffsetFetchResponseTopics: WireStruct {
    public var name: String = ""
    public var partitions: [OffsetFetchResponsePartitions] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct OffsetFetchResponsePartitions: WireStruct {
    public var partitionIndex: Int32 = 0
    public var committedOffset: Int64 = 0
    public var committedLeaderEpoch: Int32 = -1
    public var metadata: String? = ""
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.int64(&committedOffset)
      try field.int32(&committedLeaderEpoch)
      try field.nullableString(&metadata)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
