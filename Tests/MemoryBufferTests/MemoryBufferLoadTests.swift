import Dispatch
import Synchronization
import Testing
import TierAPI
@testable import MemoryBufferCore
@testable import TierKit

@Suite struct MemoryBufferLoadTests {
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func pinnedMemoryIsBoundedUnderAnyLoad(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let capacity = 1 << 20
    let harness = try Harness(capacity: capacity)
    var partitions = try (0..<20).map { try harness.open(Int32($0)) }
    for step in 0..<3_000 {
      let index = Int.random(in: 0..<partitions.count, using: &random)
      let small = Int.random(in: 0..<3, using: &random) > 0
      let size = Int.random(in: small ? 61...3_000 : 61...300_000, using: &random)
      let padding = Int.random(in: 0...size * 2, using: &random)
      let base = partitions[index].state.endOffset + (step % 50 == 0 ? 10 : 0)
      let batch = TestBatch(baseOffset: base, nextOffset: base + 3, byteCount: size)
      try harness.append([batch], to: partitions[index], padding: padding)
      #expect(try HeldAnswer(partitions[index], from: base + 2).bytes == batch.bytes, "seed \(seed) step \(step)")
      #expect(harness.allPinned <= max(capacity, size + padding + 256), "seed \(seed) step \(step)")
      #expect(harness.ledger.keptBytes.load(ordering: .relaxed) <= harness.tier.pool.pinnedByteCount)
      #expect(harness.host.accountedBytes.load(ordering: .relaxed) == harness.tier.pool.pinnedByteCount)
      if step % 100 == 99 {
        partitions[index].close()
        partitions[index] = try harness.open(Int32(index))
      }
    }
    partitions.forEach { $0.checkInvariants(); $0.close() }
    #expect(harness.allPinned == 0 && harness.ledger.balance == 0, "seed \(seed)")
  }

  /// Two partitions are appended to and evict each other while readers check every byte that they are given.
  @Test func readersSeeWholeBatchesWhileTheBufferEvicts() throws {
    let harness = try Harness(capacity: 512 << 10)
    let partitions = [try harness.open(0), try harness.open(1)]
    let running = Atomic<Int>(2)
    let checked = Atomic<Int>(0)
    let torn = Atomic<Int>(0)
    // One of each reader when it has seen something: half of the writing is beside readers at work.
    let hasRead = DispatchSemaphore(value: 0)
    let writers = partitions.indices.map { index in
      { @Sendable in
        var random = SeededGenerator(seed: UInt64(100 + index))
        var offset: Int64 = 0
        for step in 0..<3_000 {
          if step == 1_500 { _ = hasRead.wait(timeout: .now() + 300) }
          let size = Int.random(in: 61...(Bool.random(using: &random) ? 700 : 20_000), using: &random)
          let batch = TestBatch(baseOffset: offset, nextOffset: offset + 2, byteCount: size)
          do { try harness.append([batch], to: partitions[index]) } catch { torn.add(1, ordering: .relaxed) }
          offset += 2
        }
        running.subtract(1, ordering: .releasing)
      }
    }
    let readers = partitions.indices.map { index in
      { @Sendable in
        var random = SeededGenerator(seed: UInt64(200 + index))
        let partition = partitions[index]
        var isFirst = true
        while running.load(ordering: .acquiring) > 0 {
          let state = partition.state
          let offset = Int64.random(in: state.startOffset...state.endOffset, using: &random)
          let answer: HeldAnswer
          do {
            answer = try HeldAnswer(partition, from: offset, maxBytes: 60_000)
          } catch {
            Issue.record("a read at \(offset) of \(state) failed: \(error)")
            return
          }
          // It was evicted meanwhile.
          guard answer.outcome == .ok else { continue }
          guard let batches = TestBatch.parse(answer.bytes), let first = batches.first,
            first.baseOffset <= offset, offset < first.nextOffset, batches.last?.nextOffset == answer.next,
            zip(batches, batches.dropFirst()).allSatisfy({ $0.nextOffset == $1.baseOffset })
          else {
            torn.add(1, ordering: .relaxed)
            continue
          }
          checked.add(batches.count, ordering: .relaxed)
          if isFirst { hasRead.signal() }
          isFirst = false
        }
      }
    }
    runOnThreads(writers + readers)
    #expect(torn.load(ordering: .relaxed) == 0)
    #expect(checked.load(ordering: .relaxed) > 0)
    partitions.forEach { $0.checkInvariants() }
    #expect(harness.allPinned <= 512 << 10)
    partitions.forEach { $0.close() }
    #expect(harness.ledger.balance == 0 && harness.allPinned == 0)
  }
}
