import Testing
import TierAPI
@testable import MemoryBufferCore
@testable import TierKit

/// Random operations on one partition, compared with an array of batches after every step.
@Suite struct MemoryBufferModelTests {
  @Test(arguments: (1...12).map { UInt64($0) }, [256 << 10, 64 << 20])
  func behavesLikeAnArrayOfBatches(seed: UInt64, capacity: Int) throws {
    var random = SeededGenerator(seed: seed)
    let harness = try Harness(capacity: capacity)
    let partition = try harness.open(0, at: 5)
    var model = Model(start: 5, end: 5)
    for step in 0..<400 {
      let place: Comment = "seed \(seed) capacity \(capacity) step \(step)"
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let batches = model.randomBatches(&random)
        try harness.append(batches, to: partition, padding: Int.random(in: 0...20_000, using: &random))
        model.append(batches)
      case 5:
        let offset = model.batches.randomElement(using: &random)?.baseOffset ?? model.end
        try partition.truncate(to: offset)
        model.truncate(offset)
      case 6:
        let offset = Int64.random(in: model.start...max(model.start, (model.start + model.end) / 2), using: &random)
        try partition.advanceStart(to: offset)
        model.advance(offset)
      default: break
      }
      partition.checkInvariants()
      model.acceptEviction(partition.state.startOffset, place)
      #expect(partition.state == model.state, place)
      try compareReads(partition, model, &random, place)
    }
  }

  private func compareReads(
    _ partition: BufferedPartition, _ model: Model, _ random: inout SeededGenerator, _ place: Comment
  ) throws {
    let offset = Int64.random(in: (model.start - 2)...(model.end + 2), using: &random)
    let end = Bool.random(using: &random) ? Int64.max : Int64.random(in: model.start...model.end + 1, using: &random)
    let maxBytes = Int.random(in: 0...60_000, using: &random)
    let minOne = Bool.random(using: &random)
    let answer = try HeldAnswer(partition, from: offset, below: end, maxBytes: maxBytes, minOneBatch: minOne)
    let expected = model.read(offset, end, maxBytes, minOne)
    #expect(answer.outcome == (expected == nil ? .miss : .ok), place)
    let bytes = (expected ?? []).flatMap(\.bytes)
    #expect(answer.bytes.elementsEqual(bytes), place)
    if let expected, let first = expected.first, let last = expected.last {
      #expect(answer.start == first.baseOffset && answer.next == last.nextOffset, place)
    }
    let timestamp = Int64.random(in: 0...1_000, using: &random)
    let from = Int64.random(in: (model.start - 2)...model.end, using: &random)
    let found = try partition.findTimestamp(timestamp, in: from..<max(from + 1, end), nonblocking: true)
    let wanted = model.batches.first {
      $0.nextOffset > from && $0.baseOffset < max(from + 1, end) && $0.maxTimestamp >= timestamp
    }
    #expect(
      found == wanted.map { .found(baseOffset: $0.baseOffset, maxTimestamp: $0.maxTimestamp) } ?? .miss, place)
  }
}

/// What the buffer should hold, in the most obvious form.
struct Model {
  var start: Int64
  var end: Int64
  var batches: [TestBatch] = []

  init(start: Int64, end: Int64) {
    self.start = start
    self.end = end
  }

  func randomBatches(_ random: inout SeededGenerator) -> [TestBatch] {
    var offset = end + (Int.random(in: 0..<30, using: &random) == 0 ? 7 : 0)
    return (0..<Int.random(in: 1...4, using: &random)).map { _ in
      let limit = [200, 2_000, 9_000, 40_000].randomElement(using: &random)!
      let batch = TestBatch(
        baseOffset: offset, nextOffset: offset + Int64.random(in: 1...5, using: &random),
        byteCount: Int.random(in: 61...limit, using: &random),
        maxTimestamp: Int64.random(in: -1...1_000, using: &random),
        leaderEpoch: Int32.random(in: 0...9, using: &random))
      offset = batch.nextOffset
      return batch
    }
  }

  mutating func append(_ new: [TestBatch]) {
    if new[0].baseOffset > end {
      batches = []
      start = new[0].baseOffset
    }
    batches += new
    end = batches.last!.nextOffset
  }

  mutating func truncate(_ offset: Int64) {
    guard offset < end else { return }
    batches.removeAll { $0.nextOffset > offset }
    if batches.isEmpty { start = min(start, offset) }
    end = batches.last?.nextOffset ?? start
  }

  mutating func advance(_ offset: Int64) {
    guard offset > start else { return }
    start = offset
    batches.removeAll { $0.nextOffset <= offset }
  }

  /// A cache may have let go of its oldest batches: whole ones, never more than all.
  mutating func acceptEviction(_ newStart: Int64, _ place: Comment) {
    guard newStart != start else { return }
    #expect(newStart > start && newStart <= end, place)
    #expect(newStart == end || batches.contains { $0.baseOffset == newStart }, place)
    advance(newStart)
  }

  func read(_ offset: Int64, _ bound: Int64, _ maxBytes: Int, _ minOne: Bool) -> [TestBatch]? {
    guard offset >= start, offset < end else { return nil }
    var result: [TestBatch] = []
    var bytes = 0
    for batch in batches where batch.nextOffset > offset {
      let fits = bytes + batch.byteCount <= maxBytes || (result.isEmpty && minOne)
      guard fits, batch.baseOffset < bound else { break }
      result.append(batch)
      bytes += batch.byteCount
    }
    return result
  }

  var state: PartitionState {
    let newest = batches.map(\.maxTimestamp).max() ?? -1
    let position = newest < 0 ? nil : batches.first { $0.maxTimestamp == newest }
    return PartitionState(
      startOffset: start, endOffset: end, durableEndOffset: start,
      byteCount: Int64(batches.reduce(0) { $0 + $1.byteCount }), lastLeaderEpoch: batches.last?.leaderEpoch ?? -1,
      maxTimestamp: newest, maxTimestampOffset: position?.baseOffset ?? -1)
  }
}
