import Dispatch
import Foundation
import Synchronization
import Testing
import TierKit

@testable import LocalSegmentsCore

/// Orders of events that need two threads, or one failure beside a success, made certain.
@Suite struct SettlingTests {
  /// The kernel reports a failed write-back to one caller; a second sync of the same file then succeeds.
  @Test func aSuccessBesideAFailedSyncMakesNothingDurable() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(5))
    let ticket = try #require(try log.makeTicket(.unfiled))
    rig.disk.faults = [.init(operation: .syncData, path: ".log", count: 1, errno: .inputOutput)]
    #expect(log.sync(ticket.files[0]) != nil)
    #expect(log.sync(ticket.files[0]) == nil, "the disk has told of its failure once")
    #expect(throws: TierError.self) { try log.complete(ticket) }
    #expect(log.currentState.durableEndOffset == 0)
    #expect(!log.fileAway())
  }

  @Test func aCheckpointOfAPartitionThatWasMadeAgainMeanwhileIsNotTaken() throws {
    let rig = try Rig()
    let old = try rig.open()
    try old.append(series(30))
    _ = try old.flush().get()
    try old.advanceStart(to: 25)
    let pending = old.beginCheckpoint()
    rig.tier.close(old)
    try rig.tier.deletePartition(Rig.orders)
    let again = PartitionID(topic: "orders", topicID: Array(repeating: 9, count: 16), partition: 3)
    let new = try rig.open(again)
    let checkpoints = try #require(new.checkpoints as? Checkpoints)
    try checkpoints.save([(log: old, checkpoint: old.endCheckpoint(pending))])
    #expect(checkpoints.known(again) == PartitionCheckpoint(recoveryPoint: 0))
    try new.append(series(10))
    _ = try new.flush().get()
    let found = try Rig(rig.disk.afterLosingAll()).open(again)
    #expect(try found.answer(0).bytes == bytes(series(10)))
  }

  /// A topic that is made again before the data of its predecessor is removed: neither the stop nor a checkpoint writes
  /// what the old partition knew under the name that is the new one's.
  @Test(arguments: [true, false]) func whatAReplacedPartitionKnewIsNotItsSuccessors(isClosed: Bool) throws {
    let rig = try Rig()
    let old = try rig.open()
    try old.append(series(30, epoch: 4))
    _ = try old.flush().get()
    try old.advanceStart(to: 25)
    if isClosed { rig.tier.close(old) }
    let again = PartitionID(topic: "orders", topicID: Array(repeating: 9, count: 16), partition: 3)
    let new = try rig.open(again)
    try new.append(series(10, epoch: 1))
    _ = try new.flush().get()
    rig.tier.checkpoint()
    if !isClosed { rig.tier.close(old) }
    rig.tier.close(new)
    rig.tier.stop()
    let found = try Rig(rig.disk).open(again)
    #expect(found.currentState.startOffset == 0 && found.currentState.endOffset == 10)
    #expect(try found.answer(0).bytes == bytes(series(10, epoch: 1)))
    let epochs = String(decoding: try #require(rig.disk.bytes("/data/orders-3/leader-epoch-checkpoint")), as: UTF8.self)
    #expect(epochs == "0\n1\n1 0\n")
  }

  @Test func aPartitionDeletedBesideACheckpointIsNothingToWarnOf() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(5, epoch: 1))
    _ = try log.flush().get()
    let isDeleted = Mutex(false)
    // The draft of the epochs has its name; only the directory is left to be synced.
    rig.disk.beforeCall = { operation, path in
      guard operation == .syncDirectory, path == Rig.directory, !isDeleted.withLock({ $0 }) else { return }
      isDeleted.withLock { $0 = true }
      rig.tier.close(log)
      do { try rig.tier.deletePartition(Rig.orders) } catch { Issue.record(error) }
    }
    rig.tier.checkpoint()
    #expect(isDeleted.withLock { $0 } && !rig.disk.names("/data").contains("orders-3"))
    #expect(rig.host.linesAtLeast(.warning).isEmpty)
  }

  @Test func aCheckpointThatTheDiskRefusesIsWarnedOfAlsoWhenThePartitionWasClosedMeanwhile() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(5, epoch: 1))
    _ = try log.flush().get()
    rig.disk.faults = [.init(operation: .syncDirectory, path: "orders-3", count: 1, errno: .inputOutput)]
    rig.disk.beforeCall = { operation, path in
      if operation == .syncDirectory, path == Rig.directory { log.published.withLock { $0.releases += 1 } }
    }
    rig.tier.checkpoint()
    #expect(rig.host.linesAtLeast(.warning).count == 1)
  }

  @Test func aSegmentMayBeEvictedWhileItsSealingEnds() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(10))
    // The directory is synced when the sealed segment is known to everybody already.
    let isDone = Mutex(false)
    rig.disk.beforeCall = { operation, _ in
      guard operation == .syncDirectory, log.published.withLock({ $0.segments.count }) == 2 else { return }
      let isFirst = isDone.withLock { done in
        defer { done = true }
        return !done
      }
      guard isFirst else { return }
      do { try log.evict(before: 10) } catch { Issue.record(error) }
    }
    try log.seal()
    #expect(isDone.withLock { $0 } && log.currentState.startOffset == 10)
    try log.append(series(3, from: 10))
    #expect(try log.answer(10).bytes == bytes(series(3, from: 10)))
  }

  @Test func indexesThatADiskWithoutSpaceCutShortAreNotTrusted() throws {
    let rig = try Rig()
    let log = try rig.open(interval: 100)
    try log.append(series(20))
    rig.disk.faults = [.init(operation: .write, path: "index", errno: .noSpace)]
    try log.seal()
    rig.disk.faults = []
    try log.append(series(2, from: 20))
    rig.tier.checkpoint()
    rig.tier.stop()
    let again = try Rig(rig.disk.afterKill())
    let found = try again.open(interval: 100)
    #expect(found.currentState.maxTimestamp == 1_021)
    for offset in 0..<22 {
      let time = Int64(1_000 + offset)
      #expect(
        try found.findTimestamp(time, in: 0..<Int64.max, nonblocking: false)
          == .found(baseOffset: Int64(offset), maxTimestamp: time))
    }
  }

  @Test func aTimeBeforeAllTimesDoesNotSpoilTheTailsOfOthers() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append([TestBatch(at: 0, payload: [1], timestamp: -100)])
    _ = try log.flush().get()
    rig.tier.checkpoint()
    let again = try Rig(rig.disk.afterKill())
    #expect(try again.open().currentState.endOffset == 1)
    #expect(again.host.linesAtLeast(.warning).isEmpty)
  }

  /// What tier.h allows since copying and local retention run beside producers.
  @Test func evictingBesideAppendsLosesAndChangesNothing() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 2_000, interval: 300)
    let all = series(2_000)
    let isOver = DispatchSemaphore(value: 0)
    let isEvicting = DispatchSemaphore(value: 0)
    let isAppending = Mutex(true)
    let appender = Thread {
      do {
        for (number, batch) in all.enumerated() {
          // The second half comes when something has gone: the other thread may have had to wait for a processor.
          if number == 1_000 { _ = isEvicting.wait(timeout: .now() + 300) }
          #expect(try log.append([batch]) == .ok)
        }
      } catch { Issue.record(error) }
      isAppending.withLock { $0 = false }
      isOver.signal()
    }
    appender.start()
    var evictions = 0
    while isAppending.withLock({ $0 }) {
      let (before, end) = (log.currentState.startOffset, log.currentState.endOffset)
      try log.evict(before: end)
      guard log.currentState.startOffset > before else { continue }
      evictions += 1
      if evictions == 1 { isEvicting.signal() }
    }
    isOver.wait()
    let state = log.currentState
    #expect(evictions > 0 && state.startOffset > 0 && state.endOffset == 2_000 && state.maxTimestamp == 2_999)
    var found: [UInt8] = []
    var at = state.startOffset
    while at < 2_000 {
      let answer = try log.answer(at)
      found += answer.bytes
      at = answer.next
    }
    #expect(found == bytes(all[Int(state.startOffset)...]))
    _ = try log.flush().get()
    let again = try Rig(rig.disk.afterLosingAll()).open(segmentBytes: 2_000, interval: 300)
    #expect(try again.answer(state.startOffset).start == state.startOffset && again.currentState.endOffset == 2_000)
  }
}
