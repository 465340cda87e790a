import NIOConcurrencyHelpers
import Testing

@testable import Host
@testable import PluginLoader

@Suite("Reads from tiers below the commit tier")
struct ColdReadsTests {
  private final class Waiter: LogWaiter {
    let woken = ConditionLock(value: 0)
    func wake() {
      woken.lock()
      woken.unlock(withValue: 1)
    }
    /// False after ten seconds.
    func wait() -> Bool {
      guard woken.lock(whenValue: 1, timeoutSeconds: 300) else { return false }
      woken.unlock()
      return true
    }
  }

  private let pool = BlockingPool(threads: 2)
  private let time = NIOLockedValueBox<Int64>(0)
  private var reads: ColdReads { ColdReads(pool: pool, clock: { [time] in time.withLockedValue { $0 } }) }
  private let offsets = LogOffsets(
    logStartOffset: 0, logEndOffset: 9, highWatermark: 9, lastStableOffset: 9, leaderEpoch: 0)

  private func key(_ offset: Int64) -> ColdReads.Key {
    ColdReads.Key(partition: PartitionIdentity(topic: "t", topicID: (1, 2), partition: 0), offset: offset,
      isolation: .readUncommitted)
  }

  private func byteCount(_ read: LogRead?) -> Int? {
    if case .records(_, let byteCount, _) = read { byteCount } else { nil }
  }

  private func isThere(_ reads: ColdReads, _ offset: Int64) -> Bool {
    byteCount(reads.take(key(offset), byteCountMax: .max, any: true)) != nil
  }

  private func bring(_ reads: ColdReads, _ offset: Int64, _ byteCount: Int) {
    let waiter = Waiter()
    reads.start(key(offset), waiter: waiter) { [offsets] in
      .records(extents: [], byteCount: byteCount, offsets: offsets)
    }
    #expect(waiter.wait())
  }

  @Test("a result waits for whoever comes next, and is handed out once")
  func once() {
    let reads = reads
    #expect(!isThere(reads, 5))
    bring(reads, 5, 100)
    #expect(byteCount(reads.take(key(5), byteCountMax: 99, any: false)) == nil, "it does not fit")
    #expect(byteCount(reads.take(key(5), byteCountMax: 99, any: true)) == 100, "the first may be too large")
    #expect(!isThere(reads, 5))
  }

  @Test("two fetches of one offset are one read")
  func single() {
    let reads = reads
    let (gate, count) = (ConditionLock(value: 0), NIOLockedValueBox(0))
    let waiters = [Waiter(), Waiter()]
    for waiter in waiters {
      reads.start(key(5), waiter: waiter) { [offsets] in
        gate.lock(whenValue: 1)
        gate.unlock()
        count.withLockedValue { $0 += 1 }
        return .records(extents: [], byteCount: 1, offsets: offsets)
      }
    }
    gate.lock()
    gate.unlock(withValue: 1)
    for waiter in waiters { #expect(waiter.wait()) }
    #expect(count.withLockedValue { $0 } == 1)
  }

  @Test("what nobody takes is bounded in bytes and in time")
  func bounded() {
    let reads = reads
    for offset in 0..<10 as Range<Int64> {
      time.withLockedValue { $0 = offset }
      bring(reads, offset, 16 << 20)
    }
    let kept = (0..<10 as Range<Int64>).filter { isThere(reads, $0) }
    #expect(kept == [6, 7, 8, 9])
    bring(reads, 20, 1)
    time.withLockedValue { $0 = 60_000_000_000 }
    bring(reads, 21, 1)
    #expect(!isThere(reads, 20))
    #expect(isThere(reads, 21))
  }
}
