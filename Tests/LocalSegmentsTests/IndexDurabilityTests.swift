import Testing
import TierKit

@testable import LocalSegmentsCore

/// Indexes that the next start trusts must be on disk, and what a power cut leaves in them must not be believed.
@Suite struct IndexDurabilityTests {
  private func path(_ base: Int64, _ kind: String) -> String { "\(Rig.directory)/" + file(base, kind) }

  /// Two sealed segments of 40 batches and an active one, stopped cleanly.
  private func stopped(_ count: Int = 100) throws -> Rig {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 4096)
    try log.append(series(count))
    log.close()
    rig.tier.stop()
    return rig
  }

  @Test func theIndexOfASegmentThatGrewAfterACleanStartIsSyncedBeforeItIsTrusted() throws {
    let first = try stopped(10)
    let rig = try Rig(first.disk.afterLosingAll())
    let log = try rig.open(segmentBytes: 4096)
    try log.append(series(50, from: 10))
    #expect(try log.flush().get() == 60)
    rig.tier.checkpoint()
    let disk = rig.disk.afterLosingAll()
    for kind in ["index", "timeindex"] {
      let durable = try #require(disk.bytes(path(0, kind)))
      #expect(durable == rig.disk.bytes(path(0, kind)))
      // Times: one beside every offset, one at the clean stop, one at the end.
      #expect(durable.count == (kind == "index" ? 8 * 19 : 12 * 21))
    }
    let again = try Rig(disk)
    let reopened = try again.open(segmentBytes: 4096)
    #expect(reopened.currentState.maxTimestamp == 1_059)
    #expect(try reopened.findTimestamp(1_033, in: 0..<60, nonblocking: false)
      == .found(baseOffset: 33, maxTimestamp: 1_033))
    #expect(again.host.linesAtLeast(.warning).isEmpty)
  }

  @Test(arguments: ["index", "timeindex"]) func anIndexPutInPlaceOfALostOneOutlivesThePowerCut(kind: String) throws {
    let rig = try stopped()
    let right = try #require(rig.disk.bytes(path(0, kind)))
    let disk = rig.disk.afterLosingAll()
    disk.set(path(0, kind), [])
    let again = try Rig(disk)
    _ = try again.open(segmentBytes: 4096)
    #expect(again.disk.afterLosingAll().bytes(path(0, kind)) == right)
  }

  @Test func indexesOfScannedSegmentsOutliveThePowerCut() throws {
    let rig = try Rig()
    try rig.open(segmentBytes: 4096).append(series(100))
    let again = try Rig(rig.disk.afterKill())
    _ = try again.open(segmentBytes: 4096)
    let disk = again.disk.afterLosingAll()
    let right = try stopped().disk
    for base: Int64 in [0, 40] {
      for kind in ["index", "timeindex"] { #expect(disk.bytes(path(base, kind)) == right.bytes(path(base, kind))) }
    }
  }

  @Test(arguments: ["index", "timeindex"]) func zerosInAnIndexAreNotBelieved(kind: String) throws {
    let rig = try stopped()
    let right = try #require(rig.disk.bytes(path(0, kind)))
    let entry = kind == "index" ? 8 : 12
    for zeros in [entry, 4 * entry, right.count] {
      let disk = rig.disk.afterLosingAll()
      disk.set(path(0, kind), right.dropLast(zeros) + [UInt8](repeating: 0, count: zeros))
      let again = try Rig(disk)
      let log = try again.open(segmentBytes: 4096)
      #expect(again.disk.bytes(path(0, kind)) == right, "\(zeros) zero bytes")
      #expect(try log.segments(from: 0, limit: 1).first?.max_timestamp == 1_039)
      #expect(again.host.linesAtLeast(.warning).count == 1)
    }
  }

  @Test func anEmptySegmentThatAKilledProcessMadeIsDurableAfterItsFirstFlush() throws {
    let rig = try Rig()
    let id = Rig.orders
    // Killed before the directory of the new segment was synced.
    rig.disk.faults = [.init(operation: .syncDirectory, path: Rig.directory, skip: 1, errno: .inputOutput)]
    #expect(throws: TierError.self) { try rig.open(id) }
    rig.disk.faults = []
    let again = try Rig(rig.disk.afterKill())
    let log = try again.open(id)
    try log.append(series(3))
    _ = try log.flush().get()
    #expect(try Rig(again.disk.afterLosingAll()).open(id).answer(0).bytes == bytes(series(3)))
  }
}
