import TierAPI

/// Which partition; the same two numbers are the same partition.
struct ProbeID: Sendable, Hashable {
  var topic = "contract.topic"
  var topicNumber: UInt8 = 1
  var partition: Int32 = 0

  func withRaw<R>(_ body: (UnsafePointer<chronik_partition_id>) -> R) -> R {
    var name = topic
    return name.withUTF8 { utf8 in
      var raw = chronik_partition_id()
      raw.struct_size = UInt32(MemoryLayout<chronik_partition_id>.size)
      raw.partition = partition
      raw.topic = chronik_bytes(ptr: utf8.baseAddress, len: utf8.count)
      withUnsafeMutableBytes(of: &raw.topic_id) { for index in 0..<16 { $0[index] = topicNumber &+ UInt8(index) } }
      return body(&raw)
    }
  }
}

/// One instance of the tier under test, driven through its C table as a host drives it.
final class ProbeTier: @unchecked Sendable {
  let library: ContractLibrary
  let host = ProbeHost()
  let ledger = SliceLedger()
  let raw: UnsafeMutableRawPointer
  var table: chronik_tier { library.table.pointee }

  /// Creates; INVALID_CONFIG and everything else but OK is a broken rule. `tryCreate` is for rules that expect failure.
  init(_ library: ContractLibrary, directory: String, settings: [(String, String)]) throws(RuleEnd) {
    let (reply, instance) = try Self.tryCreate(library, host, directory, settings)
    try expect(reply.isOK, "create returned \(reply.text)")
    guard let instance else { throw .broken("create returned OK without an instance") }
    self.library = library
    raw = instance
  }

  static func tryCreate(
    _ library: ContractLibrary, _ host: ProbeHost, _ directory: String, _ settings: [(String, String)],
    messageCapacity: Int = 512
  ) throws(RuleEnd) -> (Reply, UnsafeMutableRawPointer?) {
    var storage: [UInt8] = []
    let pieces = ["contract", directory] + settings.flatMap { [$0.0, $0.1] }
    let ranges = pieces.map { piece in
      let start = storage.count
      storage.append(contentsOf: piece.utf8)
      return start..<storage.count
    }
    var instance: UnsafeMutableRawPointer?
    let reply = storage.withUnsafeBufferPointer { bytes in
      func piece(_ index: Int) -> chronik_bytes {
        chronik_bytes(ptr: bytes.baseAddress! + ranges[index].lowerBound, len: ranges[index].count)
      }
      let list = settings.indices.map { chronik_setting(key: piece(2 + 2 * $0), value: piece(3 + 2 * $0)) }
      return list.withUnsafeBufferPointer { list in
        var options = chronik_tier_options(
          struct_size: UInt32(MemoryLayout<chronik_tier_options>.size), setting_count: UInt32(list.count),
          instance_name: piece(0), data_directory: piece(1), settings: list.baseAddress)
        return Result { () throws(RuleEnd) in
          try call("create", capacity: messageCapacity) {
            library.table.pointee.create(host.table, &options, &instance, $0)
          }
        }
      }
    }
    return (try reply.get(), instance)
  }

  func start() throws(RuleEnd) { try callOK("start") { table.start(raw, $0) } }

  func tryStart() throws(RuleEnd) -> Reply { try call("start") { table.start(raw, $0) } }

  /// Stops and destroys, then checks what must be true afterwards: no slice is kept and nothing was misused.
  func end() throws(RuleEnd) {
    table.stop(raw)
    destroy()
    try checkSlices()
    try expect(host.misuses.isEmpty, "the host's table was misused: \(host.misuses.joined(separator: "; "))")
  }

  func destroy() { table.destroy(raw) }

  func checkSlices() throws(RuleEnd) {
    let retains = ledger.retains.load(ordering: .acquiring)
    let releases = ledger.releases.load(ordering: .acquiring)
    try expect(retains == releases, "slices were retained \(retains) times and released \(releases) times")
    let misuses = ledger.misuses.load(ordering: .acquiring)
    try expect(misuses == 0, "\(misuses) retains or releases of a slice whose last reference was gone")
  }

  func open(
    _ id: ProbeID = ProbeID(), at offset: Int64 = 0, settings: chronik_partition_settings = .contract
  ) throws(RuleEnd) -> ProbePartition {
    var handle: UnsafeMutableRawPointer?
    try callOK("open_partition") { message in
      withUnsafePointer(to: settings) { settings in
        id.withRaw { table.open_partition(raw, $0, settings, offset, &handle, message) }
      }
    }
    guard let handle else { throw .broken("open_partition returned OK without a handle") }
    return ProbePartition(self, handle, isDurable: library.descriptor.abilities & UInt64(CHRONIK_TIER_DURABLE) != 0)
  }

  func delete(_ id: ProbeID = ProbeID()) throws(RuleEnd) {
    try callOK("delete_partition") { message in id.withRaw { table.delete_partition(raw, $0, message) } }
  }

  /// Flushes; every result has to be OK.
  func flush(_ partitions: [ProbePartition]) throws(RuleEnd) -> [Int64] {
    guard let flush = table.flush else { throw .notApplicable("the tier has no flush") }
    let untouched = chronik_flush_result(status: CHRONIK_PERMANENT, reserved: 0, durable_end_offset: Int64.min)
    var results = [chronik_flush_result](repeating: untouched, count: partitions.count)
    let handles = partitions.map(\.raw)
    try callOK("flush") { flush(raw, handles, handles.count, &results, $0) }
    for (index, result) in results.enumerated() {
      try expect(
        result.status == CHRONIK_OK,
        "flush returned OK, but the result of partition \(index) is \(name(of: result.status))")
    }
    return results.map(\.durable_end_offset)
  }

  /// Every partition that the tier says it holds; nil when it does not offer the list.
  func list() throws(RuleEnd) -> [String]? {
    guard let list = table.list_partitions else { return nil }
    let found = Unmanaged.passRetained(Visited())
    defer { found.release() }
    try callOK("list_partitions") { message in
      list(
        raw,
        { context, id in
          let bytes = UnsafeBufferPointer(start: id.pointee.topic.ptr, count: id.pointee.topic.len)
          let number = withUnsafeBytes(of: id.pointee.topic_id) { $0[0] }
          let text = "\(String(decoding: bytes, as: UTF8.self))/\(number)/\(id.pointee.partition)"
          Unmanaged<Visited>.fromOpaque(context!).takeUnretainedValue().ids.append(text)
        }, found.toOpaque(), message)
    }
    return found.takeUnretainedValue().ids
  }

  private final class Visited { var ids: [String] = [] }
}

extension ProbeID {
  /// As `ProbeTier.list` names it.
  var listed: String { "\(topic)/\(topicNumber)/\(partition)" }
}

extension chronik_partition_settings {
  /// Large segments, nothing expires: only what a rule does makes something happen.
  static var contract: chronik_partition_settings {
    chronik_partition_settings(
      struct_size: UInt32(MemoryLayout<chronik_partition_settings>.size), reserved: 0, segment_bytes: 64 << 20,
      segment_ms: -1, index_interval_bytes: 4096, local_retention_ms: -1, local_retention_bytes: -1)
  }
}
