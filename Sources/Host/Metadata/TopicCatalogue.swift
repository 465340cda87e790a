import Foundation
import KafkaProtocol

/// What is durable about a topic.
struct TopicRecord: Codable, Sendable, Equatable {
  var name: String
  /// Base64url, as Kafka prints it.
  var id: String
  var partitions: Int32
  var config: [String: String]
  /// Deletion was promised to a client; the tiers may still hold data.
  var deleting: Bool
}

/// The durable list of topics: a journal (`topics.journal`) of ``ChecksummedLine``s, one JSON object each.
///
/// The last line of a topic id counts. A torn last line is cut off at opening; damage before it is refused, because
/// topics must not vanish silently. The journal is rewritten (tmp, fsync, rename, fsync of the directory) at opening when
/// most of it is out of date. Every change is durable before the call returns.
///
/// A name has one topic that is not being deleted. One whose creation failed on a full disk may not be marked as deleted
/// there; it counts as deleted from the line on that gives its name to another.
///
/// Not thread-safe and blocking: `Topics` calls it from one thread at a time.
struct TopicCatalogue {
  private let path: String
  private var file: Int32 = -1
  /// By id.
  private(set) var topics: [String: TopicRecord] = [:]
  /// The ids of those that are not being deleted, by name.
  private var liveIDs: [String: String] = [:]
  /// Partitions of topics that are not being deleted.
  private(set) var livePartitionCount = 0
  private var lineCount = 0
  /// Bytes that opening has cut off as a torn last line. They are kept in `topics.journal.cut`.
  private(set) var cutByteCount = 0
  /// Why that is not in `topics.journal.cut`, and its beginning; nil: it is.
  private(set) var cutNotKept: String?
  /// A line of a topic with some settings.
  private static let loggedCutByteCountMax = 4096

  enum Failure: Error, CustomStringConvertible {
    case io(path: String, operation: String, errno: Int32)
    case corrupt(path: String, line: Int, reason: String)

    var description: String {
      switch self {
      case .io(let path, let operation, let code):
        "\(path): \(operation) failed: \(String(cString: strerror(code)))"
      case .corrupt(let path, let line, let reason):
        "\(path):\(line): \(reason); the catalogue is damaged. Restore the file from a backup, or move the line away "
          + "when the topic it describes is not needed"
      }
    }
  }

  /// Opens or creates the journal in `directory`.
  init(directory: String) throws(Failure) {
    path = "\(directory)/topics.journal"
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw .io(path: path, operation: "open", errno: errno) }
    file = opened
    if let code = AtomicFile.refusal(of: file) { throw .io(path: path, operation: "reading it as a file", errno: code) }
    let bytes = try Self.readAll(file, path)
    let valid = try load(bytes)
    if valid < bytes.count { keepCut(bytes[valid...]) }
    guard ftruncate(file, off_t(valid)) == 0, lseek(file, off_t(valid), SEEK_SET) >= 0 else {
      throw .io(path: path, operation: "truncate", errno: errno)
    }
    if lineCount > 2 * topics.count + 64 { try rewrite() }
    try Self.syncDirectory(directory)
  }

  /// Ends the use of the file.
  mutating func close() {
    _ = Glibc.close(file)
    file = -1
  }

  /// Writes the topic's new state, durably. Nothing is changed when it throws.
  mutating func put(_ record: TopicRecord) throws(Failure) {
    try append(record)
    keep(record, id: record.id)
  }

  /// Forgets a topic whose data is gone, durably.
  mutating func remove(id: String) throws(Failure) {
    guard var record = topics[id] else { return }
    record.deleting = true
    record.partitions = 0
    try append(record)
    keep(nil, id: id)
  }

  private mutating func keep(_ record: TopicRecord?, id: String) {
    func live(_ record: TopicRecord?) -> Int { record.map { $0.deleting ? 0 : Int($0.partitions) } ?? 0 }
    livePartitionCount += live(record) - live(topics[id])
    if let before = topics[id], liveIDs[before.name] == id { liveIDs[before.name] = nil }
    topics[id] = record
    guard let record, !record.deleting else { return }
    if let older = liveIDs.updateValue(id, forKey: record.name), var superseded = topics[older] {
      superseded.deleting = true
      livePartitionCount -= Int(superseded.partitions)
      topics[older] = superseded
    }
  }

  // MARK: - The file

  /// Reads every line; returns the byte count of the valid ones.
  private mutating func load(_ bytes: [UInt8]) throws(Failure) -> Int {
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lineCount += 1
      do {
        let record = try Self.decode(bytes[start..<end])
        keep(record.deleting && record.partitions == 0 ? nil : record, id: record.id)
      } catch {
        if end == bytes.count - 1 { return start }
        throw .corrupt(path: path, line: lineCount, reason: "\(error)")
      }
      start = end + 1
    }
    return start
  }

  /// A torn line promised nothing to anybody. A line that was damaged later did, and looks the same: it is kept behind
  /// those that were cut before. A full disk, which makes torn lines, must not keep the broker from starting: then the
  /// warning has the line.
  private mutating func keepCut(_ bytes: ArraySlice<UInt8>) {
    cutByteCount = bytes.count
    let copy = path + ".cut"
    do throws(Failure) {
      let file = open(copy, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      guard file >= 0 else { throw .io(path: copy, operation: "open", errno: errno) }
      defer { _ = Glibc.close(file) }
      try Self.writeAll(file, Array(bytes) + [UInt8(ascii: "\n")], copy)
      guard fsync(file) == 0 else { throw .io(path: copy, operation: "fsync", errno: errno) }
    } catch {
      cutNotKept = "\(error): " + String(decoding: bytes.prefix(Self.loggedCutByteCountMax), as: UTF8.self)
    }
  }

  private static func decode(_ line: ArraySlice<UInt8>) throws -> TopicRecord {
    try JSONDecoder().decode(TopicRecord.self, from: Data(ChecksummedLine.decode(line)))
  }

  private static func encode(_ record: TopicRecord) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(record) else { preconditionFailure("a topic record always encodes") }
    return ChecksummedLine.encode(Array(json))
  }

  private mutating func append(_ record: TopicRecord) throws(Failure) {
    let end = lseek(file, 0, SEEK_CUR)
    do throws(Failure) {
      try Self.writeAll(file, Self.encode(record), path)
      guard fdatasync(file) == 0 else { throw .io(path: path, operation: "fdatasync", errno: errno) }
    } catch {
      // What was half written must not stand before the next line.
      _ = ftruncate(file, end)
      _ = lseek(file, end, SEEK_SET)
      throw error
    }
    lineCount += 1
  }

  private mutating func rewrite() throws(Failure) {
    let temporary = path + ".tmp"
    let copy = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard copy >= 0 else { throw .io(path: temporary, operation: "open", errno: errno) }
    for record in topics.values.sorted(by: { $0.name < $1.name }) {
      try Self.writeAll(copy, Self.encode(record), temporary)
    }
    guard fsync(copy) == 0 else { throw .io(path: temporary, operation: "fsync", errno: errno) }
    guard rename(temporary, path) == 0 else { throw .io(path: path, operation: "rename", errno: errno) }
    _ = Glibc.close(file)
    file = copy
    lineCount = topics.count
  }

  private static func writeAll(_ file: Int32, _ bytes: [UInt8], _ path: String) throws(Failure) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .io(path: path, operation: "write", errno: errno) }
      written += count
    }
  }

  private static func readAll(_ file: Int32, _ path: String) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .io(path: path, operation: "read", errno: errno) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  private static func syncDirectory(_ directory: String) throws(Failure) {
    let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { throw .io(path: directory, operation: "open", errno: errno) }
    defer { _ = Glibc.close(handle) }
    guard fsync(handle) == 0 else { throw .io(path: directory, operation: "fsync", errno: errno) }
  }
}
