import TierAPI

/// What `create` receives: the instance's name, its directory and its settings.
///
/// Values are already checked against the descriptor and normalised: booleans "true"/"false", integers in decimal,
/// sizes as decimal bytes, durations as decimal milliseconds; a key without a value in YAML carries its default.
public struct TierOptions: Sendable {
  public var instanceName: String
  /// Absolute path of a directory that exists and belongs to this instance; empty for a tier that is not durable.
  public var dataDirectory: String
  public var settings: [String: String]

  public init(instanceName: String, dataDirectory: String, settings: [String: String]) {
    self.instanceName = instanceName
    self.dataDirectory = dataDirectory
    self.settings = settings
  }

  init(_ raw: UnsafePointer<chronik_tier_options>) {
    instanceName = String(raw.pointee.instance_name)
    dataDirectory = String(raw.pointee.data_directory)
    settings = Self.settings(raw.pointee.settings, Int(raw.pointee.setting_count))
  }

  static func settings(_ list: UnsafePointer<chronik_setting>?, _ count: Int) -> [String: String] {
    var settings: [String: String] = [:]
    for setting in UnsafeBufferPointer(start: list, count: list == nil ? 0 : count) {
      settings[String(setting.key)] = String(setting.value)
    }
    return settings
  }

  /// The value of an integer, size (bytes) or duration (ms) key; `invalidConfiguration` when it is missing or no
  /// number.
  public func integer(_ key: String) throws(TierError) -> Int64 {
    guard let text = settings[key], let value = Int64(text) else {
      throw TierError(.invalidConfiguration, "\(key): expected an integer, got \(settings[key] ?? "nothing")")
    }
    return value
  }
}

/// What an object store's `create` receives: as for a tier, except that its directory need not exist.
public typealias StoreOptions = TierOptions

extension TierOptions {
  init(_ raw: UnsafePointer<chronik_store_options>) {
    self.init(
      instanceName: String(raw.pointee.instance_name), dataDirectory: String(raw.pointee.data_directory),
      settings: Self.settings(raw.pointee.settings, Int(raw.pointee.setting_count)))
  }
}

/// Which partition; the pair (topicID, partition) is its identity, the name is for people.
public struct PartitionID: Sendable, Hashable {
  public var topic: String
  /// 16 bytes, in network order.
  public var topicID: [UInt8]
  public var partition: Int32

  public init(topic: String, topicID: [UInt8], partition: Int32) {
    precondition(topicID.count == 16)
    self.topic = topic
    self.topicID = topicID
    self.partition = partition
  }

  public init(_ raw: UnsafePointer<chronik_partition_id>) {
    topic = String(raw.pointee.topic)
    topicID = withUnsafeBytes(of: raw.pointee.topic_id) { Array($0) }
    partition = raw.pointee.partition
  }

  public static func == (left: PartitionID, right: PartitionID) -> Bool {
    left.partition == right.partition && left.topicID == right.topicID
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(topicID)
    hasher.combine(partition)
  }

  /// Calls `body` with the C form, which borrows from `self`.
  public func withRaw<R>(_ body: (UnsafePointer<chronik_partition_id>) throws -> R) rethrows -> R {
    var name = topic
    return try name.withUTF8 { utf8 in
      var raw = chronik_partition_id()
      raw.struct_size = UInt32(MemoryLayout<chronik_partition_id>.size)
      raw.partition = partition
      raw.topic = chronik_bytes(ptr: utf8.baseAddress, len: utf8.count)
      withUnsafeMutableBytes(of: &raw.topic_id) { $0.copyBytes(from: topicID) }
      return try body(&raw)
    }
  }
}

/// Topic settings that concern a tier; see `tier.h` for each unit.
public struct PartitionSettings: Sendable, Equatable {
  public var segmentBytes: Int64
  public var segmentMilliseconds: Int64
  public var indexIntervalBytes: Int64
  public var localRetentionMilliseconds: Int64
  public var localRetentionBytes: Int64

  public init(
    segmentBytes: Int64 = 1 << 30, segmentMilliseconds: Int64 = 604_800_000, indexIntervalBytes: Int64 = 4096,
    localRetentionMilliseconds: Int64 = -1, localRetentionBytes: Int64 = -1
  ) {
    self.segmentBytes = segmentBytes
    self.segmentMilliseconds = segmentMilliseconds
    self.indexIntervalBytes = indexIntervalBytes
    self.localRetentionMilliseconds = localRetentionMilliseconds
    self.localRetentionBytes = localRetentionBytes
  }

  init(_ raw: UnsafePointer<chronik_partition_settings>) {
    self.init(
      segmentBytes: raw.pointee.segment_bytes, segmentMilliseconds: raw.pointee.segment_ms,
      indexIntervalBytes: raw.pointee.index_interval_bytes, localRetentionMilliseconds: raw.pointee.local_retention_ms,
      localRetentionBytes: raw.pointee.local_retention_bytes)
  }
}

/// What a tier holds of a partition; see `chronik_partition_state`.
public struct PartitionState: Sendable, Equatable {
  public var startOffset: Int64
  public var endOffset: Int64
  public var durableEndOffset: Int64
  public var byteCount: Int64
  public var lastLeaderEpoch: Int32
  public var maxTimestamp: Int64
  public var maxTimestampOffset: Int64

  public init(
    startOffset: Int64, endOffset: Int64, durableEndOffset: Int64, byteCount: Int64, lastLeaderEpoch: Int32 = -1,
    maxTimestamp: Int64 = -1, maxTimestampOffset: Int64 = -1
  ) {
    self.startOffset = startOffset
    self.endOffset = endOffset
    self.durableEndOffset = durableEndOffset
    self.byteCount = byteCount
    self.lastLeaderEpoch = lastLeaderEpoch
    self.maxTimestamp = maxTimestamp
    self.maxTimestampOffset = maxTimestampOffset
  }

  func write(to out: UnsafeMutablePointer<chronik_partition_state>) {
    let room = out.pointee.struct_size
    var state = chronik_partition_state(
      struct_size: room, last_leader_epoch: lastLeaderEpoch,
      start_offset: startOffset, end_offset: endOffset, durable_end_offset: durableEndOffset, byte_count: byteCount,
      max_timestamp: maxTimestamp, max_timestamp_offset: maxTimestampOffset)
    // A host of an older minor version has a smaller struct.
    let size = min(Int(room), MemoryLayout<chronik_partition_state>.size)
    UnsafeMutableRawPointer(out).copyMemory(from: &state, byteCount: size)
  }
}

extension String {
  /// Copies borrowed UTF-8; invalid sequences become U+FFFD.
  public init(_ bytes: chronik_bytes) {
    guard let start = bytes.ptr, bytes.len > 0 else {
      self = ""
      return
    }
    self = String(decoding: UnsafeBufferPointer(start: start, count: bytes.len), as: UTF8.self)
  }
}
