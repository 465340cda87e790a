/// From a transaction coordinator: write commit or abort markers to partitions. v1 flexible · v2 transaction
/// version.
public struct WriteTxnMarkersRequest: KafkaRequest {
  public typealias Response = WriteTxnMarkersResponse

  public static let apiKey = APIKey.writeTxnMarkers
  public static let supportedVersions: ClosedRange<Int16> = 1...2

  public var markers: [WritableTxnMarker] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&markers)
    try field.taggedFields()
  }
}

extension WriteTxnMarkersRequest {
  public struct WritableTxnMarker: WireStruct {
    public var producerId: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var transactionResult: Bool = false
    public var topics: [WritableTxnMarkerTopic] = []
    public var coordinatorEpoch: Int32 = 0
    public var transactionVersion: Int8 = 0

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int64(&producerId)
      try field.int16(&producerEpoch)
      try field.bool(&transactionResult)
      try field.array(&topics)
      try field.int32(&coordinatorEpoch)
      if field.version >= 2 {
        try field.int8(&transactionVersion)
      }
      try field.taggedFields()
    }
  }

  public struct WritableTxnMarkerTopic: WireStruct {
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

/// One result per partition, by producer.
public struct WriteTxnMarkersResponse: KafkaMessage {
  public static let apiKey = APIKey.writeTxnMarkers
  public static let supportedVersions: ClosedRange<Int16> = 1...2

  public var markers: [WritableTxnMarkerResult] = []

  public init() {}

  public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.array(&markers)
    try field.taggedFields()
  }
}

extension WriteTxnMarkersResponse {
  public struct WritableTxnMarkerResult: WireStruct {
    public var producerId: Int64 = 0
    public var topics: [WritableTxnMarkerTopicResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int64(&producerId)
      try field.array(&topics)
      try field.taggedFields()
    }
  }

  public struct WritableTxnMarkerTopicResult: WireStruct {
    public var name: String = ""
    public var partitions: [WritableTxnMarkerPartitionResult] = []

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&name)
      try field.array(&partitions)
      try field.taggedFields()
    }
  }

  public struct WritableTxnMarkerPartitionResult: WireStruct {
    public var partitionIndex: Int32 = 0
    public var errorCode: ErrorCode = .none

    public init() {}

    public mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.int32(&partitionIndex)
      try field.errorCode(&errorCode)
      try field.taggedFields()
    }
  }
}
