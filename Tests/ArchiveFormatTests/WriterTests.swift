import Foundation
import KafkaRecords
import Testing

@testable import ArchiveFormat

@Suite struct WriterTests {
  private func file(_ object: ArchivedObject) throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("archive-\(UUID().uuidString).kar")
    try object.withBytes { try Data($0).write(to: url) }
    return url
  }

  @Test(arguments: [UInt64](1...6))
  func zstdDecompressesTheObjectToTheSegment(seed: UInt64) throws {
    let segment = TestSegment(seed: seed)
    for (index, parts) in [(IndexKind.full, 1), (.keys, 5), (.none, 9)] {
      let object = try segment.archive(index: index, parts: parts)
      let url = try file(object)
      defer { Tool.remove(url) }
      #expect(try Tool.run("zstd", ["-dc", url.path]) == segment.bytes, "seed \(seed)")
    }
  }

  @Test func aSegmentInPartsGivesTheSameBytesEveryTime() throws {
    let segment = TestSegment(seed: 11)
    let first = MemoryRangeSource(try segment.archive()).bytes
    for parts in [1, 2, 7, 60] { #expect(MemoryRangeSource(try segment.archive(parts: parts)).bytes == first) }
  }

  @Test func framesAreCutAtTheFirstBatchBoundaryBehindTheirSize() throws {
    var bytes: [UInt8] = []
    var offset: Int64 = 0
    for size in [100_000, 100_000, 100_000, 300_000, 10_000, 255_000, 1000, 2_000_000, 5000] {
      var builder = RecordBatchBuilder(baseOffset: offset)
      builder.append(timestamp: 1, key: nil, value: [UInt8](repeating: 0x2E, count: size - 80))
      bytes += builder.build()
      offset += 1
    }
    let object = try bytes.withUnsafeBytes {
      try ArchiveWriter().write(ArchiveSegment(identity: TestSegment.identity, batches: [$0]))
    }
    #expect(object.footer.frames.map(\.firstOffset) == [0, 3, 4, 6, 7, 8])
  }

  @Test func controlAndAbortedAndUndecodableBatchesKeepTheirPlace() throws {
    for seed in UInt64(20)...40 {
      let segment = TestSegment(seed: seed)
      let object = try segment.archive()
      #expect(object.footer.range.documentCount == segment.documentCount, "seed \(seed)")
      #expect(object.statistics.undecodableBatchCount == segment.undecodableCount)
      #expect(object.statistics.batchCount == segment.batchPositions.count)
      #expect(object.statistics.abortedBatchCount == segment.aborted.count)
      let tokens = segment.records.filter { !$0.isAborted }.reduce(0) { sum, record in
        sum + record.texts.reduce(0) { $0 + ReferenceLexer.tokens($1).count }
      }
      #expect(object.footer.range.tokenCount == tokens, "seed \(seed)")
    }
  }

  @Test func aDamagedBatchIsNamedByItsPosition() throws {
    var segment = TestSegment(seed: 50, shape: .init(hasDamage: false))
    let position = segment.batchPositions[17]
    segment.bytes[position + 70] ^= 1
    let error = #expect(throws: ArchiveError.self) { try segment.archive() }
    guard case .damagedBatch(position, .crcMismatch) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func aSegmentCutShortAnEmptyOneAndOneOutOfOrderAreRefused() throws {
    let segment = TestSegment(seed: 51, shape: .init(hasDamage: false))
    func write(_ bytes: [UInt8]) throws -> ArchivedObject {
      try bytes.withUnsafeBytes {
        try ArchiveWriter().write(ArchiveSegment(identity: TestSegment.identity, batches: [$0]))
      }
    }
    #expect(throws: ArchiveError.emptySegment) { try write([]) }
    let last = segment.batchPositions.last!
    let error = #expect(throws: ArchiveError.self) { try write(Array(segment.bytes.dropLast())) }
    guard case .damagedBatch(last, .truncated) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let twice = Array(segment.bytes[..<segment.batchPositions[1]])
    #expect(throws: ArchiveError.offsetOutOfOrder(
      position: twice.count, found: segment.batchOffsets[0].lowerBound,
      expectedAtLeast: segment.batchOffsets[0].upperBound)
    ) { try write(twice + twice) }
  }

  @Test func aGivenRangeReachesBeyondTheBatchesAndMayNotBeLeft() throws {
    let segment = TestSegment(seed: 52, shape: .init(hasDamage: false))
    func write(_ offsets: Range<Int64>) throws -> ArchivedObject {
      try segment.bytes.withUnsafeBytes {
        var input = ArchiveSegment(identity: TestSegment.identity, batches: [$0])
        input.offsets = offsets
        return try ArchiveWriter().write(input)
      }
    }
    let object = try write(900..<segment.nextOffset + 7)
    #expect(object.footer.range.baseOffset == 900)
    #expect(object.footer.range.nextOffset == segment.nextOffset + 7)
    #expect(throws: ArchiveError.self) { try write(900..<segment.nextOffset - 1) }
    let reader = try ArchiveReader(object)
    #expect(try reader.fetch(from: segment.nextOffset + 3, byteCountMax: 1).bytes.isEmpty)
    #expect(try reader.fetch(from: 900, byteCountMax: 1).bytes == Array(segment.bytes[..<segment.batchPositions[1]]))
  }

  @Test func aBatchThatClaimsTooManyRecordsCostsTheIndexAndNothingElse() throws {
    var builder = RecordBatchBuilder(compression: .gzip)
    builder.append(timestamp: 5, key: nil, value: [1])
    var batch = builder.build()
    batch.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: Int32.max.bigEndian, toByteOffset: 57, as: Int32.self)
      let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[21...]))
      bytes.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
    }
    let object = try batch.withUnsafeBytes {
      try ArchiveWriter().write(ArchiveSegment(identity: TestSegment.identity, batches: [$0]))
    }
    #expect(object.statistics.indexWasDropped)
    #expect(object.footer.indexKind == .none)
    #expect(try ArchiveReader(object).fetch(from: 0, byteCountMax: 1).bytes == batch)
  }
}

/// Runs a program of the machine.
enum Tool {
  struct Failure: Error { let status: Int32 }

  /// Deletes a temporary file.
  static func remove(_ file: URL) {
    do {
      try FileManager.default.removeItem(at: file)
    } catch {
      Issue.record(error)
    }
  }

  static func run(_ name: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    let output = Pipe()
    let feed = FileManager.default.temporaryDirectory.appendingPathComponent("feed-\(UUID().uuidString)")
    try Data(input).write(to: feed)
    defer { remove(feed) }
    process.standardInput = try FileHandle(forReadingFrom: feed)
    process.standardOutput = output
    try process.run()
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
    return bytes
  }
}
