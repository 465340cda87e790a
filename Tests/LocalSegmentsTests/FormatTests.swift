import KafkaRecords
import Testing

@testable import LocalSegmentsCore
@testable import SegmentFormat

@Suite struct FormatTests {
  @Test func namesOfFilesAndDirectories() {
    #expect(SegmentFileName.format(368_769, .timeIndex) == "00000000000000368769.timeindex")
    #expect(SegmentFileName.parse("00000000000000368769.log")?.baseOffset == 368_769)
    for name in [
      "0000000000000036876.log", "0000000000000036876x.log", "00000000000000368769.txt", "log",
      "00000000000000368769log",
    ] {
      #expect(SegmentFileName.parse(name) == nil, "\(name)")
    }
    #expect(PartitionDirectoryName.parse("a-b.c_d-12")! == ("a-b.c_d", 12))
    for name in ["a", "a-", "-1", "a-01", "a-1.0f-delete", "a-1.0f-stray", "a b-1", "a--1x"] {
      #expect(PartitionDirectoryName.parse(name) == nil, "\(name)")
    }
    #expect(PartitionDirectoryName.parseAside("a.b-7.00ff-delete", suffix: "-delete")! == ("a.b", 7))
  }

  @Test func topicIDsAreBase64URL() throws {
    // Computed with Python's base64.urlsafe_b64encode.
    let id: [UInt8] = [0xfb, 0xff, 0xbf, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 250]
    let text = "version: 0\ntopic_id: -_-_AAECAwQFBgcICQoL-g"
    #expect(PartitionMetadata.format(topicID: id) == text)
    #expect(try PartitionMetadata.parse(text + "==\n") == id)
    #expect(throws: TextFileDefect.self) { try PartitionMetadata.parse("version: 1\ntopic_id: -_-_AAECAwQFBgcICQoL-g") }
    #expect(throws: TextFileDefect.self) { try PartitionMetadata.parse("version: 0\ntopic_id: short") }
  }

  @Test func checkpointsNameTheLineOfADefect() throws {
    let parsed = try OffsetCheckpoint.parse("0\n2\na 0 5\nb 7 9\n")
    #expect(parsed[.init(topic: "b", partition: 7)] == 9)
    for (text, line) in [
      ("1\n0\n", 1), ("0\nx\n", 2), ("0\n2\na 0 5\n", 4), ("0\n1\na 5\n", 3), ("0\n1\na -1 5\n", 3), ("", 1),
    ] {
      let defect = #expect(throws: TextFileDefect.self) { try OffsetCheckpoint.parse(text) }
      if line < 4 { #expect(defect?.line == line, "\(text)") }
    }
    #expect(throws: TextFileDefect.self) { try LeaderEpochCheckpoint.parse("0\n2\n3 0\n3 5\n") }
  }

  @Test(arguments: [61, 100, 4_096]) func theScannerNeedsNoMoreThanItsBuffer(buffer: Int) {
    let batches = series(20, size: 300)
    var scanner = LogScanner(
      ArraySource(bytes(batches)), to: Int64(bytes(batches).count), expectedOffset: 0, bufferByteCount: buffer)
    for (number, batch) in batches.enumerated() {
      guard case .batch(let header, let position) = scanner.next() else {
        Issue.record("batch \(number) not found")
        return
      }
      #expect(header.baseOffset == batch.baseOffset && position == Int64(number * 361))
    }
    #expect(scanner.next() == .end(position: 20 * 361))
  }

  @Test func theScannerFindsEveryFlippedBitFromTheChecksumOn() {
    let good = bytes(series(3))
    for byte in 101..<202 {
      for bit in 0..<8 {
        var damaged = good
        damaged[byte] ^= 1 << bit
        var scanner = LogScanner(ArraySource(damaged), to: Int64(good.count), expectedOffset: 0)
        var positions: [Int64] = []
        walk: while true {
          switch scanner.next() {
          case .batch(let header, let position):
            positions.append(position)
            // Base offset and epoch are outside the checksum; they may change, the rest may not.
            if position == 101, byte - 101 >= 16 || (8..<12).contains(byte - 101) {
              Issue.record("byte \(byte) bit \(bit)")
            }
            _ = header
          case .end, .damage: break walk
          }
        }
        #expect(positions.first == 0)
      }
    }
  }

  @Test func indexFilesAreReadWithTheByteOfTheirDamage() {
    let entries = [
      OffsetIndexEntry(relativeOffset: 3, position: 303), OffsetIndexEntry(relativeOffset: 6, position: 606),
    ]
    var file: [UInt8] = big(Int32(3)) + big(Int32(303)) + big(Int32(6)) + big(Int32(606))
    var reader = IndexFileReader(ArraySource(file), of: OffsetIndexEntry.self, byteCount: 16)
    var found: [OffsetIndexEntry] = []
    while case .entry(let entry, _) = reader.next() { found.append(entry) }
    #expect(found == entries)
    file += big(Int32(6)) + big(Int32(700))
    reader = IndexFileReader(ArraySource(file), of: OffsetIndexEntry.self, byteCount: 24)
    _ = (reader.next(), reader.next())
    guard case .damage(.outOfOrder, 16) = reader.next() else {
      Issue.record("an entry that does not rise was accepted")
      return
    }
    var short = IndexFileReader(ArraySource(Array(file.prefix(19))), of: TimeIndexEntry.self, byteCount: 19)
    _ = short.next()
    guard case .damage(.partialEntry, 12) = short.next() else {
      Issue.record("half an entry was accepted")
      return
    }
  }
}

@Suite struct TailCheckpointTests {
  @Test func aTailCheckpointIsReadAsItWasWritten() throws {
    let text = "0\n2\norders 0 4711 4000 81920 1700000000000 4700 1690000000000\norders 1 5 0 1 -1 -1 -1\n"
    let parsed = try TailCheckpoint.parse(text)
    #expect(parsed[OffsetCheckpoint.Key(topic: "orders", partition: 0)] == RecoveryTail(
      recoveryPoint: 4711, segmentBase: 4000, position: 81920, maxTimestamp: 1_700_000_000_000, maxTimestampLast: 4700,
      firstTimestamp: 1_690_000_000_000))
    #expect(TailCheckpoint.format(parsed) == text)
  }

  @Test(arguments: [
    "orders 0 4711 4711 1 1 1 1", "orders 0 4711 -1 1 1 1 1", "orders 0 4711 4000 0 1 1 1",
    "orders 0 4711 4000 1 -2 1 1",
    "orders -1 4711 4000 1 1 1 1", "orders 0 4711 4000 1 1 1", "orders 0 4711 4000 x 1 1 1",
    "orders 0 99999999999999999999 0 1 1 1 1",
  ])
  func aLineThatCannotBeIsRefused(line: String) {
    let error = #expect(throws: TextFileDefect.self) { try TailCheckpoint.parse("0\n1\n\(line)\n") }
    #expect(error?.line == 3)
  }
}

@Suite struct CommitLogHeaderTests {
  /// Raising a generation writes both copies; a power cut may leave one of them, whole or not.
  @Test func ofTwoCopiesTheHigherWholeOneHolds() {
    let (old, new) = (CommitLogFormat.firstPage(generation: 7), CommitLogFormat.firstPage(generation: 9))
    func header(_ page: [UInt8]) -> CommitLogFormat.Header {
      page.withUnsafeBytes { CommitLogFormat.header(firstPage: $0) }
    }
    #expect(header(Array(new[..<2048] + old[2048...])) == .generation(9))
    #expect(header(Array(old[..<2048] + new[2048...])) == .generation(9))
    for torn in 16..<64 {
      var page = new
      page[torn] ^= 0x40
      #expect(header(page) == .generation(9), "byte \(torn) of the first copy")
      page = Array(old[..<2048] + new[2048...])
      page[2048 + torn] ^= 0x40
      #expect(header(page) == .generation(7), "byte \(torn) of the second copy")
      page[torn] ^= 0x40
      #expect(header(page) == .none, "byte \(torn) of both")
    }
    #expect(header([UInt8](repeating: 0, count: 4096)) == .blank)
  }
}
