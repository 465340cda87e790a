import Glibc
import TierAPI
import TierKit

/// Calls a tier as a host in C would: raw structs, a message buffer, extents released after use.
struct TableCaller {
  let tier: chronik_tier
  private let me: UnsafeMutableRawPointer

  init(_ tier: chronik_tier, _ host: FakeHost, _ directory: String, _ settings: [String: String]) throws(TierError) {
    self.tier = tier
    let text = UnsafeMutablePointer<UInt8>.allocate(capacity: 4_096)
    defer { text.deallocate() }
    var used = 0
    func borrowed(_ value: String) -> chronik_bytes {
      let start = used
      for byte in value.utf8 {
        text[used] = byte
        used += 1
      }
      return chronik_bytes(ptr: text + start, len: used - start)
    }
    let list = settings.map { chronik_setting(key: borrowed($0.key), value: borrowed($0.value)) }
    let table = UnsafeMutablePointer<chronik_setting>.allocate(capacity: list.count)
    defer { table.deallocate() }
    _ = UnsafeMutableBufferPointer(start: table, count: list.count).initialize(from: list)
    var options = chronik_tier_options(
      struct_size: UInt32(MemoryLayout<chronik_tier_options>.size), setting_count: UInt32(list.count),
      instance_name: borrowed("test"), data_directory: borrowed(directory), settings: table)
    var instance: UnsafeMutableRawPointer?
    try Self.check { tier.create(host.raw, &options, &instance, $0) }
    me = instance!
    do throws(TierError) {
      let me = me
      try Self.check { tier.start(me, $0) }
    } catch {
      tier.destroy(me)
      throw error
    }
  }

  /// Throws what a call reports.
  static func check(_ call: (UnsafeMutablePointer<chronik_message>) -> chronik_status) throws(TierError) {
    let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
    defer { buffer.deallocate() }
    var message = chronik_message(text: buffer, capacity: 512, length: 0)
    let status = call(&message)
    guard status != CHRONIK_OK else { return }
    let bytes = UnsafeBufferPointer(start: buffer, count: message.length).map { UInt8(bitPattern: $0) }
    throw TierError(.init(rawValue: status) ?? .permanent, String(decoding: bytes, as: UTF8.self))
  }

  func open(_ id: PartitionID) throws(TierError) -> UnsafeMutableRawPointer {
    var settings = chronik_partition_settings(
      struct_size: UInt32(MemoryLayout<chronik_partition_settings>.size), reserved: 0, segment_bytes: 1 << 20,
      segment_ms: -1, index_interval_bytes: 300, local_retention_ms: -1, local_retention_bytes: -1)
    var partition: UnsafeMutableRawPointer?
    try Self.check { message in id.withRaw { tier.open_partition(me, $0, &settings, 0, &partition, message) } }
    return partition!
  }

  func state(_ partition: UnsafeMutableRawPointer) -> chronik_partition_state {
    var state = chronik_partition_state()
    state.struct_size = UInt32(MemoryLayout<chronik_partition_state>.size)
    tier.state(me, partition, &state)
    return state
  }

  func append(_ batch: TestBatch, to partition: UnsafeMutableRawPointer) throws(TierError) {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: batch.bytes.count)
    defer { bytes.deallocate() }
    _ = UnsafeMutableBufferPointer(start: bytes, count: batch.bytes.count).initialize(from: batch.bytes)
    var raw = chronik_batch()
    raw.bytes.ptr = UnsafePointer(bytes)
    raw.bytes.len = batch.bytes.count
    raw.base_offset = batch.baseOffset
    raw.next_offset = batch.nextOffset
    raw.max_timestamp = batch.maxTimestamp
    raw.leader_epoch = batch.leaderEpoch
    raw.record_count = 1
    try Self.check { tier.append!(me, partition, &raw, 1, CHRONIK_NONBLOCKING, $0) }
  }

  func flush(_ partition: UnsafeMutableRawPointer) throws(TierError) -> Int64 {
    var result = chronik_flush_result()
    try Self.check { message in
      withUnsafePointer(to: partition) { tier.flush!(me, $0, 1, &result, message) }
    }
    return result.durable_end_offset
  }

  /// Fetches the bytes of all extents with pread and releases them.
  func read(_ partition: UnsafeMutableRawPointer, from offset: Int64, flags: UInt32) throws(TierError) -> [UInt8] {
    var request = chronik_read_request(
      struct_size: UInt32(MemoryLayout<chronik_read_request>.size), flags: flags, offset: offset, end_offset: .max,
      max_bytes: UInt64.max, min_one_batch: 1, reserved: 0)
    let extents = UnsafeMutablePointer<chronik_extent>.allocate(capacity: 4)
    defer { extents.deallocate() }
    var result = chronik_read_result(
      struct_size: UInt32(MemoryLayout<chronik_read_result>.size), capacity: 4, extent_count: 0, reserved: 0,
      extents: extents, start_offset: -1, next_offset: -1, byte_count: 0)
    try Self.check { tier.read(me, partition, &request, &result, $0) }
    var bytes: [UInt8] = []
    for index in 0..<Int(result.extent_count) {
      let extent = extents[index]
      var part = [UInt8](repeating: 0, count: extent.len)
      _ = pread(extent.fd, &part, extent.len, off_t(extent.file_offset))
      bytes += part
      extent.release?(extent.owner)
    }
    return bytes
  }

  func end(_ partition: UnsafeMutableRawPointer) {
    tier.close_partition(me, partition)
    tier.stop(me)
    tier.destroy(me)
  }
}
