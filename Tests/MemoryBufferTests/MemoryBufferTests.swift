import Testing
import TierAPI
@testable import MemoryBufferCore
@testable import TierKit

@Suite struct MemoryBufferTests {
  @Test func smallBatchesLieSideBySideAndAnswerAsOneExtent() throws {
    let harness = try Harness(capacity: 1 << 20)
    let partition = try harness.open()
    let batches = (0..<30).map { TestBatch(baseOffset: $0, nextOffset: $0 + 1, byteCount: 100) }
    try harness.append(Array(batches[..<10]), to: partition)
    for batch in batches[10...] { try harness.append([batch], to: partition) }
    let answer = try HeldAnswer(partition, from: 3)
    #expect(answer.extents.count == 1)
    #expect(answer.start == 3 && answer.next == 30)
    #expect(answer.bytes == batches[3...].flatMap(\.bytes))
    #expect(harness.ledger.retains.load(ordering: .relaxed) == 0)
    // 30 batches of 100 bytes and 30 entries of 32 bytes: 3960 bytes fit the smallest block.
    #expect(harness.tier.pool.pinnedByteCount == 4096)
  }

  @Test func largeBatchesAreKeptWithoutACopyAndGivenBack() throws {
    let harness = try Harness(capacity: 1 << 20)
    let partition = try harness.open()
    try harness.append([TestBatch(baseOffset: 0, nextOffset: 5, byteCount: 100_000)], to: partition)
    #expect(harness.ledger.balance == 1)
    #expect(harness.tier.pool.pinnedByteCount == 100_000 + StorageUnit.sliceOverheadByteCount)
    partition.close()
    #expect(harness.ledger.balance == 0)
    #expect(harness.allPinned == 0)
    #expect(harness.host.accountedBytes.load(ordering: .relaxed) == 0)
  }

  @Test func aBatchThatFillsLessThanHalfOfItsAllocationIsCopied() throws {
    let harness = try Harness(capacity: 4 << 20)
    let partition = try harness.open()
    let batch = TestBatch(baseOffset: 0, nextOffset: 1, byteCount: 100_000)
    try harness.append([batch], to: partition, padding: 100_001)
    #expect(harness.ledger.retains.load(ordering: .relaxed) == 0)
    #expect(harness.tier.pool.pinnedByteCount < 100_100)
    #expect(try HeldAnswer(partition, from: 0).bytes == batch.bytes)
  }

  @Test func theOldestAppendGoesFirstWhicheverPartitionHoldsIt() throws {
    let size = 66_000
    let unit = size + StorageUnit.sliceOverheadByteCount
    let harness = try Harness(capacity: 4 * unit)
    let partitions = try (0..<3).map { try harness.open($0) }
    func append(_ index: Int, _ offset: Int64) throws {
      let batch = TestBatch(baseOffset: offset, nextOffset: offset + 1, byteCount: size)
      try harness.append([batch], to: partitions[index])
    }
    func starts() -> [Int64] { partitions.map(\.state.startOffset) }
    for (index, offset) in [(0, 0), (1, 0), (0, 1), (2, 0)] { try append(index, Int64(offset)) }
    #expect(starts() == [0, 0, 0])
    try append(2, 1)
    #expect(starts() == [1, 0, 0])
    try append(2, 2)
    #expect(starts() == [1, 1, 0])
    #expect(partitions[1].state.endOffset == 1)
    try append(2, 3)
    #expect(starts() == [2, 1, 0])
    try append(2, 4)
    #expect(starts() == [2, 1, 1])
  }

  @Test func aGapDropsEverythingAndRestartsThere() throws {
    let harness = try Harness(capacity: 1 << 20)
    let partition = try harness.open(0, at: 40)
    try harness.append([TestBatch(baseOffset: 40, nextOffset: 50, byteCount: 10_000)], to: partition)
    let held = try HeldAnswer(partition, from: 45)
    let later = TestBatch(baseOffset: 60, nextOffset: 70, byteCount: 200)
    try harness.append([later], to: partition)
    #expect(partition.state.startOffset == 60 && partition.state.endOffset == 70)
    #expect(try HeldAnswer(partition, from: 45).outcome == .miss)
    #expect(try HeldAnswer(partition, from: 65).bytes == later.bytes)
    #expect(harness.ledger.balance == 1)
    #expect(held.bytes == TestBatch(baseOffset: 40, nextOffset: 50, byteCount: 10_000).bytes)
  }

  @Test func batchesThatBreakTheContractChangeNothing() throws {
    let harness = try Harness(capacity: 1 << 20)
    let partition = try harness.open()
    let first = TestBatch(baseOffset: 0, nextOffset: 10, byteCount: 100)
    try harness.append([first], to: partition)
    let before = partition.state
    let bad: [[TestBatch]] = [
      [TestBatch(baseOffset: 9, nextOffset: 11, byteCount: 100)],
      [
        TestBatch(baseOffset: 10, nextOffset: 11, byteCount: 100),
        TestBatch(baseOffset: 12, nextOffset: 13, byteCount: 100),
      ],
      [
        TestBatch(baseOffset: 10, nextOffset: 11, byteCount: 9000),
        TestBatch(baseOffset: 11, nextOffset: 11, byteCount: 100),
      ],
    ]
    for batches in bad {
      #expect(throws: TierError.self) { try harness.append(batches, to: partition) }
      #expect(partition.state == before)
    }
    try harness.append([TestBatch(baseOffset: 10, nextOffset: 11, byteCount: 100)], to: partition)
    #expect(harness.ledger.balance == 0)
  }

  @Test func extentsStayUnchangedAfterTruncateAppendEvictAndClose() throws {
    let harness = try Harness(capacity: 256 << 10)
    let partition = try harness.open()
    let small = (0..<20).map { TestBatch(baseOffset: $0, nextOffset: $0 + 1, byteCount: 120) }
    let large = TestBatch(baseOffset: 20, nextOffset: 21, byteCount: 50_000)
    try harness.append(small + [large], to: partition)
    let held = try HeldAnswer(partition, from: 0)
    let expected = (small + [large]).flatMap(\.bytes)
    try partition.truncate(to: 10)
    try harness.append([TestBatch(baseOffset: 10, nextOffset: 99, byteCount: 120)], to: partition)
    #expect(held.bytes == expected)
    for offset in Int64(99)..<120 {
      try harness.append([TestBatch(baseOffset: offset, nextOffset: offset + 1, byteCount: 30_000)], to: partition)
    }
    #expect(partition.state.startOffset > 99)
    partition.close()
    #expect(held.bytes == expected)
    #expect(harness.ledger.balance == 1)
  }

  @Test func blocksOfAFullBufferAreUsedAgain() throws {
    let harness = try Harness(capacity: 256 << 10)
    let partition = try harness.open()
    for offset in Int64(0)..<20_000 {
      try harness.append([TestBatch(baseOffset: offset, nextOffset: offset + 1, byteCount: 150)], to: partition)
      #expect(harness.allPinned <= 256 << 10)
    }
    partition.checkInvariants()
    #expect(partition.state.byteCount > 150_000)
    #expect(harness.host.counter("evicted_bytes_total") == 20_000 * 150 - Int(partition.state.byteCount))
  }

  @Test func thousandsOfIdlePartitionsPinNothing() throws {
    let harness = try Harness(capacity: 256 << 10)
    let partitions = try (0..<5_000).map { try harness.open(Int32($0)) }
    #expect(harness.allPinned == 0)
    for partition in partitions {
      try harness.append([TestBatch(baseOffset: 0, nextOffset: 1, byteCount: 61)], to: partition)
    }
    // 64 blocks of 4 KiB fit; the newest partitions have them.
    #expect(partitions.filter { $0.state.byteCount > 0 }.count == 64)
    #expect(partitions.suffix(64).allSatisfy { $0.state.byteCount == 61 })
    partitions.forEach { $0.close() }
    #expect(harness.allPinned == 0)
    #expect(harness.tier.listPartitions().isEmpty)
  }

  @Test(arguments: ["", "ten", "-1", "1000", "9223372036854775807"])
  func aCapacityOutsideItsRangeIsRefusedByName(value: String) {
    let error = #expect(throws: TierError.self) {
      try MemoryBufferTier(
        host: FakeHost().services,
        options: TierOptions(instanceName: "b", dataDirectory: "", settings: ["capacity": value]))
    }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("capacity") == true)
  }
}
