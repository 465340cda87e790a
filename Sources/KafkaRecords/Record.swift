/// A record with bytes of its own. `nil` is null and differs from empty everywhere: a record with a null value is a
/// tombstone.
public struct Record: Sendable, Equatable {
  /// Unused by Kafka, 0.
  public var attributes: Int8
  /// Milliseconds from the batch's baseTimestamp; may be negative.
  public var timestampDelta: Int64
  /// Distance from the batch's baseOffset.
  public var offsetDelta: Int32
  public var key: [UInt8]?
  public var value: [UInt8]?
  /// In order; keys may repeat.
  public var headers: [RecordHeader]

  public init(
    attributes: Int8 = 0, timestampDelta: Int64 = 0, offsetDelta: Int32 = 0, key: [UInt8]?, value: [UInt8]?,
    headers: [RecordHeader] = []
  ) {
    self.attributes = attributes
    self.timestampDelta = timestampDelta
    self.offsetDelta = offsetDelta
    self.key = key
    self.value = value
    self.headers = headers
  }

  /// A copy of borrowed bytes.
  public init(copying view: RecordView) {
    self.init(
      attributes: view.attributes, timestampDelta: view.timestampDelta, offsetDelta: view.offsetDelta,
      key: view.key.map { [UInt8]($0) }, value: view.value.map { [UInt8]($0) },
      headers: view.headers.map { RecordHeader(key: [UInt8]($0.key), value: $0.value.map { [UInt8]($0) }) })
  }
}

/// One header of a record.
public struct RecordHeader: Sendable, Equatable {
  /// UTF-8 by convention; kept as bytes so that what a client sent survives.
  public var key: [UInt8]
  public var value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }

  public init(_ key: String, _ value: [UInt8]?) {
    self.init(key: [UInt8](key.utf8), value: value)
  }

  /// The key as text; bytes that are not UTF-8 become U+FFFD.
  public var name: String { String(decoding: key, as: UTF8.self) }
}
