import Glibc
import KafkaRecords
import Synchronization
public import TierAPI
import TierKit

/// The simplest durable tier: one append-only file for each partition, its index in memory.
///
/// It shows what APPEND, DURABLE and READ promise. What it leaves out on purpose is speed: truncate and advance_start
/// write the file anew, where a real tier would delete segments.
final class JournalTier: Tier {
  static let description = TierDescription(
    id: "chronik.example.journal-file", name: "JournalFile", version: "1.0.0",
    summary: "Keeps each partition in one append-only file.", abilities: [.append, .durable, .read],
    keys: [
      ConfigurationKey(
        "file_bytes_max", .size(4096...(1 << 50)), default: "1TiB",
        "Bytes a partition's file may reach; an append beyond that is refused.")
    ])

  private let host: HostServices
  private let directory: String
  private let fileByteCountMax: Int64
  private let lock = Mutex<Int32>(-1)

  init(host: HostServices, options: TierOptions) throws(TierError) {
    self.host = host
    directory = options.dataDirectory
    fileByteCountMax = try options.integer("file_bytes_max")
    guard fileByteCountMax >= 4096 else {
      throw TierError(.invalidConfiguration, "file_bytes_max: \(fileByteCountMax) is below 4096 bytes")
    }
  }

  /// One process at a time: the kernel drops the lock with the process, however it ends.
  func start() throws(TierError) {
    let path = "\(directory)/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .errno(path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      Glibc.close(descriptor)
      throw TierError(.fenced, "\(directory) is in use by another instance")
    }
    lock.withLock { $0 = descriptor }
  }

  func stop() { lock.withLock { _ = Glibc.close($0) } }

  func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierPartition {
    let file: JournalFile
    var index: [JournalEntry] = []
    if let found = try JournalFile.open(path(of: id)) {
      file = found
      index = try file.scan(reportingTo: host)
    } else {
      file = try JournalFile.create(path(of: id), topic: id.topic, start: initialOffset) { (_) throws(TierError) in }
    }
    return JournalPartition(topic: id.topic, file: file, index: index, byteCountMax: fileByteCountMax)
  }

  /// An interrupted deletion leaves the file or not; both are answered by repeating it.
  func deletePartition(_ id: PartitionID) throws(TierError) {
    guard unlink(path(of: id)) == 0 || errno == ENOENT else { throw .errno(path(of: id)) }
    try JournalFile.syncDirectory(of: path(of: id))
  }

  func listPartitions() throws(TierError) -> [PartitionID] {
    guard let listing = opendir(directory) else { throw .errno(directory) }
    defer { closedir(listing) }
    var found: [PartitionID] = []
    while let item = readdir(listing) {
      let name = withUnsafeBytes(of: &item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let parts = name.split(separator: "-", maxSplits: 1)
      guard parts.count == 2, name.hasSuffix(".journal"), let number = Int32(parts[1].dropLast(8)),
        let file = try JournalFile.open("\(directory)/\(name)")
      else { continue }
      let digits = Array(parts[0])
      let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
      if bytes.count == 16 { found.append(PartitionID(topic: file.topic, topicID: bytes, partition: number)) }
    }
    return found
  }

  /// All partitions are flushed together, so a tier with one log for many would pay for one fdatasync here.
  func flush(_ partitions: [any TierPartition]) -> [Result<Int64, TierError>] {
    partitions.map { ($0 as! JournalPartition).flush() }
  }

  private func path(of id: PartitionID) -> String {
    let hex = id.topicID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return "\(directory)/\(hex)-\(id.partition).journal"
  }
}

private let create: VTable.Create = { host, options, out, message in
  VTable.create(host, options, out, message) { (host, options) throws(TierError) in
    try JournalTier(host: host, options: options)
  }
}

nonisolated(unsafe) private let entry = VTable.plugin(
  name: "ExampleTier", version: "1.0.0", tiers: [VTable.tier(JournalTier.description, create: create)])

@c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
