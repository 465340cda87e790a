import ArchiveFormat
import Testing
import TierKit

@testable import ArchiveIndexCore

/// Footers are read many at a time.
@Suite struct ParallelRebuildTests {
  /// A started rig whose index knows `count` objects or more by their names only.
  private func unread(_ count: Int) throws -> Rig {
    let disk = SimulatedDisk()
    let rig = try Rig(disk: disk) { $0.objectByteCount = 64 << 10 }
    let partition = try rig.open()
    for number in 0..<count { try partition.importSegment(batches(1, from: Int64(number) * 2, size: 20)) }
    rig.tier.stop()
    disk["\(rig.directory.path)/segments.index"] = nil
    // Without the kept ends of objects, which would spare the store.
    return try Rig(rig.store, in: ScratchDirectory(), disk: disk)
  }

  @Test func aRebuildHasAsManyReadsUnderWayAsItMay() throws {
    let rig = try unread(40)
    rig.store.holdReads(true)
    let outcome = Guarded<Result<ArchiveSummary, TierError>?>(nil)
    let tier = rig.tier
    let thread = WorkerThread {
      let result: Result<ArchiveSummary, TierError>
      do throws(TierError) { result = .success(try tier.rebuild { _, _ in true }) } catch { result = .failure(error) }
      outcome.change { $0 = result }
    }
    let isFull = rig.store.waitUntilHeld(32)
    #expect(isFull, "the next object's footer does not wait for the one before")
    rig.store.holdReads(false)
    thread.join()
    let summary = try #require(try outcome.withLock { $0 }?.get())
    #expect(summary.repaired == 38, "the first and the last were confirmed by the start")
    #expect(rig.tier.environment.index.current.entries.allSatisfy { $0.rawByteCount > 0 })
    try rig.expectClean()
  }

  @Test func oneFailureEndsItAndLeavesTheRestForTheNextTime() throws {
    let rig = try unread(40)
    rig.store.fail(.read, .refuses(.throttled), skip: 5, count: 1000)
    let error = #expect(throws: TierError.self) { try rig.tier.rebuild { _, _ in true } }
    #expect(error?.code == .throttled)
    rig.store.repair()
    _ = try rig.tier.rebuild { _, _ in true }
    #expect(rig.tier.environment.index.current.entries.allSatisfy { $0.rawByteCount > 0 })
    #expect(try rig.tier.rebuild { _, _ in true }.repaired == 0)
  }

  @Test func damagedAndLostObjectsDoNotKeepTheOthersWaiting() throws {
    let rig = try unread(40)
    let keys = rig.store.keys
    rig.store[keys[3]] = rig.store[keys[3]]!.map { _ in 0 }
    rig.store.fail(.read, .refuses(.notFound), key: keys[7], count: 2)
    #expect(try rig.tier.rebuild { _, _ in true }.repaired == 36, "the start confirmed the first and the last")
  }

  @Test func everyPieceIsDoneOnceAndReceivedOnTheCallersThread() throws {
    var received: [Int] = []
    var last = 0
    try ParallelWork<Int>(width: 7).run(2000) { (number) throws(TierError) in
      number * 3
    } receive: { (new, done) throws(TierError) in
      received += new
      #expect(done >= last && done >= received.count)
      last = done
      return true
    }
    #expect(last == 2000)
    #expect(received.sorted() == (0..<2000).map { $0 * 3 })
  }

  @Test func theReceiverCanEndTheWork() throws {
    // More than can be done before the receiver has its turn, however long it waits for a processor.
    let begun = Guarded(0)
    let count = 200_000_000
    try ParallelWork<Int>(width: 2).run(count) { (number) throws(TierError) in
      begun.withLock { $0 += 1 }
      return number
    } receive: { (_, _) throws(TierError) in false }
    #expect(begun.withLock { $0 } < count)
    #expect(throws: TierError.self) {
      try ParallelWork<Int>(width: 2).run(10) { (_) throws(TierError) in 1 } receive: { (_, _) throws(TierError) in
        throw TierError(.cancelled, "enough")
      }
    }
  }
}
