import Foundation
import KafkaRecords
import Testing

/// `chronik log` as a person runs it, on files written by hand.
@Suite("chronik log")
struct LogCommandTests {
  private let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("log-tools-\(UUID().uuidString)/t-0")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    var bytes: [UInt8] = []
    for base in [Int64(0), 3] {
      var builder = RecordBatchBuilder(baseOffset: base)
      for number in 0..<3 {
        builder.append(
          timestamp: 1000 + base + Int64(number), key: number == 0 ? nil : [0x6B], value: Array("v\(number)\"".utf8))
      }
      bytes += builder.build()
    }
    try Data(bytes).write(to: directory.appendingPathComponent("00000000000000000000.log"))
    for kind in ["index", "timeindex"] {
      try Data().write(to: directory.appendingPathComponent("00000000000000000000.\(kind)"))
    }
  }

  private var program: URL {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("chronik")
  }

  private func run(_ words: String...) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = program
    process.arguments = ["log"] + words
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  private var log: String { directory.appendingPathComponent("00000000000000000000.log").path }

  @Test("dump prints every batch, and records as JSON that keeps null and empty apart")
  func dump() throws {
    let text = try run("dump", log)
    #expect(text.status == 0)
    #expect(text.output.split(separator: "\n").count == 2)
    #expect(text.output.contains("baseOffset=3 lastOffset=5 count=3"))
    let json = try run("dump", "--records", "--json", log)
    let lines = json.output.split(separator: "\n")
    #expect(lines.count == 8)
    let record = try #require(try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
    #expect(record["key"] is NSNull)
    #expect(record["value"] as? String == "v0\"")
    #expect(record["offset"] as? Int == 0)
  }

  @Test("verify is content with whole files and names the byte of a flipped bit")
  func verify() throws {
    let good = try run("verify", directory.deletingLastPathComponent().path)
    #expect(good.status == 0)
    #expect(good.output.contains("1 partitions, 1 segments, 2 batches"))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: log))
    let second = bytes.count / 2
    bytes[second + 70] ^= 1
    try bytes.write(to: URL(fileURLWithPath: log))
    let bad = try run("verify", directory.path)
    #expect(bad.status == 1)
    #expect(bad.output.contains("byte \(second): "))
    let dumped = try run("dump", log)
    #expect(dumped.status == 1)
    #expect(dumped.output.contains("damaged at byte \(second)"))
  }

  @Test("a directory without segments is an error, not a clean bill")
  func empty() throws {
    let nothing = directory.appendingPathComponent("nothing")
    try FileManager.default.createDirectory(at: nothing, withIntermediateDirectories: true)
    #expect(try run("verify", nothing.path).status == 1)
  }

  @Test("what cannot be read is damage like other, and the rest is checked all the same", arguments: [true, false])
  func unreadable(isPipe: Bool) throws {
    let other = directory.deletingLastPathComponent().appendingPathComponent("a-0")
    let path = other.appendingPathComponent("00000000000000000000.log")
    try FileManager.default.createDirectory(at: isPipe ? other : path, withIntermediateDirectories: true)
    if isPipe { #expect(mkfifo(path.path, 0o600) == 0) }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: log))
    bytes[70] ^= 1
    try bytes.write(to: URL(fileURLWithPath: log))
    let verified = try run("verify", directory.deletingLastPathComponent().path)
    #expect(verified.status == 1)
    #expect(verified.output.contains("a-0/00000000000000000000.log: cannot be checked: "))
    #expect(verified.output.contains("t-0/00000000000000000000.log byte 0: "))
    #expect(verified.output.contains("2 partitions, 2 segments"))
    #expect(try run("dump", path.path).status == 1)
  }

  @Test("output that is lost is an error", arguments: ["dump", "verify"])
  func lostOutput(command: String) throws {
    let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
    let process = Process()
    process.executableURL = program
    process.arguments = ["log", command, command == "dump" ? log : directory.path]
    process.standardOutput = full
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
    #expect(output.contains("cannot write to standard output: No space left on device"))
  }

  @Test("a checkpoint of zeros, and one too large to be one, are told at once")
  func zeros() throws {
    let path = directory.appendingPathComponent("recovery-point-offset-checkpoint").path
    for (size, reason) in [(60 << 20, "line 1: expected version 0"), (65 << 20, "too many for a checkpoint")] {
      let file = open(path, O_RDWR | O_CREAT, 0o600)
      #expect(ftruncate(file, size) == 0)
      close(file)
      let dumped = try run("dump", path)
      #expect(dumped.status == 1)
      #expect(dumped.output.contains(reason))
    }
  }

  /// A commit-log file byte by byte from the description of its format: one data entry and one release.
  private func commitLog() -> [UInt8] {
    func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    func crc(_ bytes: [UInt8]) -> UInt32 {
      var value = ~UInt32(0)
      for byte in bytes {
        value ^= UInt32(byte)
        for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
      }
      return ~value
    }
    func entry(_ sequence: UInt64, kind: UInt8, base: Int64, position: Int64, _ data: [UInt8]) -> [UInt8] {
      var rest: [UInt8] = big(UInt64(7)) + big(sequence)
      rest += [kind, 6] as [UInt8]
      rest += big(UInt16(0)) + big(UInt32(data.count))
      rest += [UInt8](0..<16)
      rest += big(Int32(3)) + big(UInt32(0))
      rest += big(base) + big(position)
      rest += Array("orders".utf8) + data
      rest += [UInt8](repeating: 0, count: (8 - rest.count % 8) % 8)
      return big(UInt32(0x434C_454E)) + big(crc(rest)) + rest
    }
    var header: [UInt8] = Array("CHRNKCLG".utf8)
    header += big(UInt32(1)) + big(UInt32(0))
    header += big(UInt64(7))
    header += [UInt8](repeating: 0, count: 60 - header.count)
    header += big(crc(header))
    let half: [UInt8] = header + [UInt8](repeating: 0, count: 2048 - header.count)
    return half + half + entry(0, kind: 1, base: 42, position: 606, [1, 2, 3])
      + entry(1, kind: 2, base: 50, position: 0, []) + [UInt8](repeating: 0, count: 4096)
  }

  @Test("dump explains a commit log, verify says that it holds something")
  func commitLogFile() throws {
    let data = directory.deletingLastPathComponent()
    let path = data.appendingPathComponent("commit-log-00")
    var bytes = commitLog()
    try Data(bytes).write(to: path)
    let text = try run("dump", path.path)
    #expect(text.status == 0)
    let lines = text.output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0] == "byte=0 generation=7")
    #expect(
      lines[1] == "byte=4096 sequence=0 kind=data topic=orders topicId=000102030405060708090a0b0c0d0e0f partition=3 "
        + "segment=00000000000000000042.log position=606 size=3")
    #expect(lines[2].hasPrefix("byte=4184 sequence=1 kind=release") && lines[2].hasSuffix("segmentsBelow=50"))
    let verified = try run("verify", data.path)
    #expect(verified.status == 0)
    #expect(verified.output.contains("commit log holds 1 entries"))
    bytes[4190] ^= 1
    try Data(bytes).write(to: path)
    let damaged = try run("dump", path.path)
    #expect(damaged.status == 1)
    #expect(damaged.output.contains("damaged at byte 4184"))
  }
}
