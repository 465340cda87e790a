import Testing
import TierKit

@testable import LocalSegmentsCore

/// A data directory as Apache Kafka 3 and 4 write it, made by hand from their formats.
@Suite struct KafkaDirectoryTests {
  private static let batches = series(12) + series(8, from: 12, epoch: 3)

  private func put(_ disk: SimulatedDisk, _ name: String, _ text: String) {
    disk.set("/data/" + name, Array(text.utf8))
  }

  /// Entries as LogSegment.append writes them with index.interval.bytes=200 and batches of 101 bytes: one before every
  /// second batch from the third on, each with the batch's last offset and its position.
  private func offsetIndex(_ batches: Int) -> [UInt8] {
    stride(from: 2, to: batches, by: 2).flatMap { big(Int32($0)) + big(Int32($0 * 101)) }
  }

  private func timeIndex(_ base: Int, _ batches: Int, isFinal: Bool) -> [UInt8] {
    let due = Array(stride(from: 2, to: batches, by: 2)) + (isFinal && batches % 2 == 0 ? [batches - 1] : [])
    return due.flatMap { big(Int64(1_000 + base + $0)) + big(Int32($0)) }
  }

  /// ProducerStateManager's snapshot: version 1, the checksum of the rest, no producers.
  private var snapshot: [UInt8] {
    let rest = big(Int32(0))
    return big(Int16(1)) + big(crc32c(rest)) + rest
  }

  private func directory(isClean: Bool) -> SimulatedDisk {
    let disk = SimulatedDisk()
    disk.makeForeignDirectory(Rig.directory)
    put(disk, "meta.properties", """
      #
      #Sat Nov 21 12:00:00 UTC 2026
      cluster.id=4L6g3nShT-eMCtK--X86sw
      directory.id=Mg0sKmsQTzyBoM7IYp9PRA
      node.id=1
      version=1

      """)
    put(disk, "cleaner-offset-checkpoint", "0\n1\norders 3 8\n")
    put(disk, "log-start-offset-checkpoint", "0\n1\norders 3 4\n")
    put(disk, "recovery-point-offset-checkpoint", isClean ? "0\n1\norders 3 20\n" : "0\n1\norders 3 12\n")
    put(disk, "replication-offset-checkpoint", "0\n1\norders 3 20\n")
    put(disk, ".lock", "")
    if isClean { put(disk, ".kafka_cleanshutdown", "{\"version\":0,\"brokerEpoch\":25}") }
    put(disk, "orders-3/partition.metadata", "version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw")
    put(disk, "orders-3/leader-epoch-checkpoint", "0\n2\n0 0\n3 12\n")
    disk.set("\(Rig.directory)/" + file(0, "log"), bytes(Self.batches[..<12]))
    disk.set("\(Rig.directory)/" + file(0, "index"), offsetIndex(12))
    disk.set("\(Rig.directory)/" + file(0, "timeindex"), timeIndex(0, 12, isFinal: true))
    disk.set("\(Rig.directory)/" + file(12, "log"), bytes(Self.batches[12...]))
    disk.set("\(Rig.directory)/" + file(12, "snapshot"), snapshot)
    disk.set("\(Rig.directory)/" + file(20, "snapshot"), snapshot)
    // Trimmed by a clean stop; otherwise as long as segment.index.bytes allows whole entries, zeros behind them.
    for (kind, entries, full) in [
      ("index", offsetIndex(8), 10_485_760), ("timeindex", timeIndex(12, 8, isFinal: isClean), 10_485_756),
    ] {
      let rest = isClean ? 0 : full - entries.count
      disk.set("\(Rig.directory)/" + file(12, kind), entries + [UInt8](repeating: 0, count: rest))
    }
    return disk
  }

  @Test(arguments: [true, false]) func everyRecordIsThereAndMoreCanBeWritten(isClean: Bool) throws {
    let rig = try Rig(directory(isClean: isClean))
    #expect(try rig.tier.listPartitions() == [Rig.orders])
    let log = try rig.open()
    #expect(rig.host.linesAtLeast(.warning).isEmpty)
    #expect(log.currentState.startOffset == 4)
    #expect(log.currentState.endOffset == 20)
    #expect(log.currentState.lastLeaderEpoch == 3)
    #expect(log.currentState.maxTimestamp == 1_019)
    #expect(log.currentState.maxTimestampOffset == 19)
    for offset in 4..<20 {
      #expect(try log.answer(Int64(offset), max: 101).bytes == Self.batches[offset].bytes)
      #expect(try log.findTimestamp(1_000 + Int64(offset), in: 0..<20, nonblocking: false)
        == .found(baseOffset: Int64(offset), maxTimestamp: 1_000 + Int64(offset)))
    }
    let more = series(30, from: 20, epoch: 3)
    try log.append(more)
    log.close()
    rig.tier.stop()
    for name in [file(12, "snapshot"), file(20, "snapshot")] {
      #expect(rig.disk.bytes("\(Rig.directory)/" + name) == snapshot)
    }
    let text = rig.disk.bytes("/data/recovery-point-offset-checkpoint").map { String(decoding: $0, as: UTF8.self) }
    #expect(text == "0\n1\norders 3 50\n")
    // Kafka maps whole entries and believes the last one, so no zeros may stay behind them.
    let index = try #require(rig.disk.bytes("\(Rig.directory)/" + file(12, "index")))
    #expect(index == offsetIndex(38))
    let again = try Rig(rig.disk.afterLosingAll())
    #expect(try again.open().answer(4).bytes == bytes(Self.batches[4...]) + bytes(more))
    #expect(again.host.linesAtLeast(.warning).isEmpty)
  }
}
