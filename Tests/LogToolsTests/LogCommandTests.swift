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
        builder.append(timestamp: 1000 + base + Int64(number), key: number == 0 ? nil : [0x6B], value: Array("v\(number)\"".utf8))
      }
      bytes += builder.build()
    }
    try Data(bytes).write(to: directory.appendingPathComponent("00000000000000000000.log"))
    for kind in ["index", "timeindex"] {
      try Data().write(to: directory.appendingPathComponent("00000000000000000000.\(kind)"))
    }
  }

  private func run(_ words: String...) throws -> (status: Int32, output: String) {
    let process = Process()
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    process.executableURL = program.appendingPathComponent("chronik")
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
}
