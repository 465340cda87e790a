import Configuration
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Host

@Suite("The file of the settings that clients gave the broker")
struct BrokerSettingsFileTests {
  private let directory: TemporaryDirectory
  private var path: String { "\(directory.path)/broker.settings" }
  private let some = DynamicBrokerSettings(
    broker: ["log.retention.ms": "5000"], cluster: ["log.cleanup.policy": "compact,delete"])

  init() throws { directory = try TemporaryDirectory() }

  private func live() throws -> LiveBrokerSettings {
    var configuration = try LoadedConfiguration.load(path: nil).configuration
    configuration.dataDirectory = directory.path
    return try LiveBrokerSettings(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test("what was put in force is there after a restart, and only then visible")
  func survives() throws {
    let first = try live()
    #expect(first.current.dynamic == DynamicBrokerSettings())
    try first.replace(some)
    #expect(first.current.dynamic == some)
    #expect(try live().current.dynamic == some)
    try first.replace(DynamicBrokerSettings())
    #expect(try live().current.dynamic == DynamicBrokerSettings())
  }

  /// The CRC-32C of the text was computed bit by bit in Python, which gives the known e3069283 for 123456789.
  @Test("the file is one line that says whether it is whole")
  func format() throws {
    let file = BrokerSettingsFile(directory: directory.path)
    try file.save(some)
    let text = String(decoding: try #require(try AtomicFile.read(path, byteCountMax: 1000)), as: UTF8.self)
    #expect(
      text
        == "15200d16 {\"broker\":{\"log.retention.ms\":\"5000\"},\"cluster\":{\"log.cleanup.policy\":\"compact,delete\"}}\n"
    )
  }

  @Test("a draft that a crash left behind does not matter")
  func draft() throws {
    try BrokerSettingsFile(directory: directory.path).save(some)
    try AtomicFile.write(Array("half a li".utf8), to: path + ".tmp")
    #expect(try live().current.dynamic == some)
  }

  @Test("a damaged file is refused, whatever is wrong with it")
  func damage() throws {
    let file = BrokerSettingsFile(directory: directory.path)
    try file.save(some)
    let whole = try #require(try AtomicFile.read(path, byteCountMax: 1000))
    var flipped = whole
    flipped[20] ^= 1
    let cases: [[UInt8]] = [
      [], Array(whole.dropLast()), Array(whole.dropLast(5)), flipped, Array(whole.dropFirst(9)), whole + whole,
      ChecksummedLine.encode(Array("[]".utf8)), ChecksummedLine.encode([0xFF, 0xFE]),
    ]
    for bytes in cases {
      try AtomicFile.write(bytes, to: path)
      #expect(throws: BrokerSettingsFile.Failure.self, "\(bytes.count) bytes") { _ = try live() }
    }
  }

  @Test("a failed write changes nothing")
  func failedWrite() throws {
    let live = try live()
    try live.replace(some)
    // A directory in the draft's place: opening it for writing fails, also for root.
    try DataDirectory.makeDirectory(path + ".tmp")
    #expect(throws: BrokerSettingsFile.Failure.self) { try live.replace(DynamicBrokerSettings()) }
    #expect(live.current.dynamic == some)
    #expect(try self.live().current.dynamic == some)
  }

  @Test("settings whose durability is unknown are in force as in the file, and written again when asked for")
  func unknownDurability() throws {
    let failures = NIOLockedValueBox(2)
    let file = BrokerSettingsFile(directory: directory.path) { (bytes, path) throws(DataDirectory.Failure) in
      try AtomicFile.write(bytes, to: path)
      let fails = failures.withLockedValue { left in
        left -= 1
        return left >= 0
      }
      if fails { throw .notDurable(path: path, errno: 5) }
    }
    var configuration = try LoadedConfiguration.load(path: nil).configuration
    configuration.dataDirectory = directory.path
    let live = try LiveBrokerSettings(
      configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, file: file)
    for _ in 0..<2 {
      #expect(throws: BrokerSettingsFile.Failure.self) { try live.replace(some) }
      #expect(live.current.dynamic == some)
      #expect(try self.live().current.dynamic == some)
    }
    try live.replace(some)
    #expect(failures.withLockedValue { $0 } == -1, "success was said after a third write")
    try live.replace(some)
    #expect(failures.withLockedValue { $0 } == -1, "what is durable is not written again")
  }
}
