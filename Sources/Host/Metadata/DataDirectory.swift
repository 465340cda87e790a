import Glibc
import KafkaProtocol

/// The broker's own files in the data directory: a lock, so that two brokers never share it, and `meta.properties`, in
/// Kafka's form, which ties the directory to one node of one cluster.
final class DataDirectory: @unchecked Sendable {
  let path: String
  let clusterID: String
  private let lockFile: Int32
  /// Kafka's own has five short lines and a comment.
  private static let propertiesByteCountMax = 65_536

  enum Failure: Error, CustomStringConvertible {
    case io(path: String, operation: String, errno: Int32)
    /// The file has its new content, and may have its old one again after a power failure.
    case notDurable(path: String, errno: Int32)
    /// `process`: who uses it, when it says so.
    case inUse(path: String, process: Int32?)
    case wrongNode(path: String, found: String, configured: Int32)
    case wrongCluster(path: String, found: String, configured: String)
    case malformed(path: String, line: Int)
    case noCluster(path: String)
    /// For commands that look at what a broker has kept: nothing is there.
    case neverUsed(path: String)

    var description: String {
      switch self {
      case .io(let path, let operation, let code): "\(path): \(operation) failed: \(String(cString: strerror(code)))"
      case .notDurable(let path, let code):
        "\(path): replaced, but fsync of its directory failed: \(String(cString: strerror(code))); "
          + "a power failure may bring the old content back"
      case .inUse(let path, let process):
        "\(path): another broker\(process.map { " (process \($0))" } ?? "") is using this data directory; stop it or "
          + "choose another data_dir"
      case .wrongNode(let path, let found, let configured):
        "\(path): belongs to node.id \(found), but the configuration says \(configured); correct node.id, or choose "
          + "another data_dir"
      case .wrongCluster(let path, let found, let configured):
        "\(path): belongs to cluster.id \(found), but the configuration says \(configured); correct cluster.id, or "
          + "choose another data_dir"
      case .malformed(let path, let line): "\(path):\(line): expected key=value; put the file back from a copy"
      case .noCluster(let path):
        "\(path): no cluster.id, so the file is damaged; restore it, or write the id that clients know as cluster.id: "
          + "into the configuration"
      case .neverUsed(let path):
        "\(path): no broker has kept data here (there is no meta.properties); name its directory with --data-dir, or "
          + "its configuration with --config"
      }
    }
  }

  /// For commands that work on a stopped broker's data: they must not make a directory out of a typing error, and call
  /// it all good.
  static func expectUsed(_ path: String) throws(Failure) {
    let file = "\(path)/meta.properties"
    if access(file, F_OK) == 0 { return }
    switch errno {
    case ENOENT, ENOTDIR: throw .neverUsed(path: path)
    case let code: throw .io(path: file, operation: "access", errno: code)
    }
  }

  /// Creates the directory if it is missing, locks it, and reads or writes its identity.
  init(path: String, nodeID: Int32, clusterID configured: String?) throws(Failure) {
    try Self.makeDirectory(path)
    let lockPath = "\(path)/.lock"
    lockFile = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard lockFile >= 0 else { throw .io(path: lockPath, operation: "open", errno: errno) }
    guard flock(lockFile, LOCK_EX | LOCK_NB) == 0 else {
      let process = Self.processID(in: lockFile)
      Glibc.close(lockFile)
      throw .inUse(path: path, process: process)
    }
    Self.writeProcessID(to: lockFile)
    self.path = path
    let file = "\(path)/meta.properties"
    let content = try Self.read(file)
    let known = content ?? [:]
    if let found = known["node.id"], found != String(nodeID) {
      throw .wrongNode(path: file, found: found, configured: nodeID)
    }
    if let found = known["cluster.id"] {
      if let configured, configured != found { throw .wrongCluster(path: file, found: found, configured: configured) }
      clusterID = found
    } else {
      // A cluster that changes its id silently is another one to tools and to Kafka's own broker.
      guard content == nil || configured != nil else { throw .noCluster(path: file) }
      clusterID = configured ?? KafkaUUID.random().description
      try Self.write(file, "version=1\nnode.id=\(nodeID)\ncluster.id=\(clusterID)\n")
    }
  }

  /// Lets another broker have the directory.
  func unlock() { Glibc.close(lockFile) }

  /// Who holds the lock is only for people, so a failure does not matter.
  private static func writeProcessID(to file: Int32) {
    let text = Array("\(getpid())\n".utf8)
    _ = ftruncate(file, 0)
    _ = pwrite(file, text, text.count, 0)
  }

  private static func processID(in file: Int32) -> Int32? {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(file, &text, text.count, 0)
    return count > 0 ? Int32(String(decoding: text[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) : nil
  }

  /// `mkdir -p`.
  static func makeDirectory(_ path: String) throws(Failure) {
    var current = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      current += "/\(part)"
      if mkdir(current, 0o755) != 0, errno != EEXIST {
        throw .io(path: current, operation: "mkdir", errno: errno)
      }
    }
  }

  /// nil when there is no such file.
  private static func read(_ path: String) throws(Failure) -> [String: String]? {
    guard let bytes = try AtomicFile.read(path, byteCountMax: propertiesByteCountMax) else { return nil }
    var result: [String: String] = [:]
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let text = String(decoding: line.prefix { $0 != 0 && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
      if text.isEmpty || text.hasPrefix("#") { continue }
      guard let equals = text.firstIndex(of: "=") else { throw .malformed(path: path, line: index + 1) }
      result[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    return result
  }

  private static func write(_ path: String, _ text: String) throws(Failure) {
    let temporary = path + ".tmp"
    guard let file = fopen(temporary, "w") else { throw .io(path: temporary, operation: "open", errno: errno) }
    let done = fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0
    let code = errno
    fclose(file)
    guard done else { throw .io(path: temporary, operation: "write", errno: code) }
    guard rename(temporary, path) == 0 else { throw .io(path: path, operation: "rename", errno: errno) }
  }
}

extension KafkaUUID {
  /// A version 4 UUID that does not begin with a dash in text, as Kafka makes its ids.
  static func random() -> KafkaUUID {
    while true {
      let high = UInt64.random(in: .min ... .max) & ~0xF000 | 0x4000
      let low = UInt64.random(in: .min ... .max) & ~(0b11 << 62) | (0b10 << 62)
      let id = KafkaUUID(high: high, low: low)
      if !id.description.hasPrefix("-") { return id }
    }
  }
}
