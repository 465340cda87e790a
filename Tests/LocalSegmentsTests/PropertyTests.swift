import Synchronization
import Testing
import TierKit

@testable import LocalSegmentsCore

private final class Progress: Sendable {
  let isDone = Atomic<Bool>(false)
  let answered = Atomic<Int>(0)
}

@Suite struct PropertyTests {
  /// Random calls against an array of batches. The seed is printed with a failure.
  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8].map { UInt64($0) }) func aLogBehavesLikeAnArray(seed: UInt64) throws {
    var generator = SplitMix(seed)
    var rig = try Rig { $0.openFilesMax = 6 }
    let interval = [0, 100, 4_096].randomElement(using: &generator)!
    func open() throws -> PartitionLog { try rig.open(segmentBytes: 3_000, interval: Int64(interval)) }
    var log = try open()
    var model: [TestBatch] = []
    var start: Int64 = 0
    var time: Int64 = 1_000
    for step in 0..<400 {
      let comment: Comment = "seed \(seed), step \(step)"
      let end = model.last?.nextOffset ?? log.currentState.endOffset
      switch Int.random(in: 0..<20, using: &generator) {
      case 0..<8:
        var batches: [TestBatch] = []
        var offset = end
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
          time += Int64.random(in: -30...60, using: &generator)
          let size = Int.random(in: 0...400, using: &generator)
          let batch = TestBatch(
            at: offset, count: Int32.random(in: 1...9, using: &generator),
            payload: (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }, timestamp: time)
          batches.append(batch)
          offset = batch.nextOffset
        }
        if try log.append(batches, nonblocking: true) == .wouldBlock { try log.append(batches) }
        model += batches
      case 8: _ = try log.flush().get()
      case 9: try log.seal()
      case 10: rig.tier.checkpoint()
      case 11:
        guard end > start else { break }
        start = Int64.random(in: start...end, using: &generator)
        try log.advanceStart(to: start)
      case 12:
        guard end > start else { break }
        let offset = Int64.random(in: max(start, end - 40)...end, using: &generator)
        try log.truncate(to: offset)
        model.removeAll { $0.nextOffset > offset }
        start = min(start, log.currentState.endOffset)
      case 13:
        try log.evict(before: Int64.random(in: start...end, using: &generator))
        start = log.currentState.startOffset
      case 14 where Bool.random(using: &generator):
        // Two sealed segments become one that has lost every other batch but the last.
        let ranges = try log.sealedRanges
        guard ranges.count > 1 else { break }
        let index = Int.random(in: 0..<(ranges.count - 1), using: &generator)
        let range = ranges[index].lowerBound..<ranges[index + 1].upperBound
        let gone = Set(
          model.filter { $0.baseOffset >= range.lowerBound && $0.nextOffset < range.upperBound }.enumerated()
            .filter { $0.offset % 2 == 0 }.map(\.element.baseOffset))
        // Batches below the start may be gone from the model; the segment may lose them as well.
        model.removeAll { gone.contains($0.baseOffset) }
        try log.replace(range, with: model.filter { range.contains($0.baseOffset) })
      case 14:
        if Bool.random(using: &generator) {
          log.close()
          rig.tier.stop()
        }
        rig = try Rig(rig.disk.afterKill()) { $0.openFilesMax = 6 }
        log = try open()
      default:
        try look(log, model, start, &generator, comment)
      }
      let state = log.currentState
      #expect(state.startOffset == start && state.endOffset == (model.last?.nextOffset ?? start), comment)
      log.published.withLock { $0._checkInvariants() }
      let last = model.last
      model.removeAll { $0.nextOffset <= start && $0 != last }
    }
  }

  private func look(
    _ log: PartitionLog, _ model: [TestBatch], _ start: Int64, _ generator: inout SplitMix, _ comment: Comment
  ) throws {
    guard let end = model.last?.nextOffset, end > start else { return }
    let offset = Int64.random(in: start..<end, using: &generator)
    let bound = Int64.random(in: start...(end + 3), using: &generator)
    let max = Int.random(in: 0...5_000, using: &generator)
    let minOne = Bool.random(using: &generator)
    var expected: [TestBatch] = []
    for batch in model where batch.nextOffset > offset {
      let size = expected.reduce(0) { $0 + $1.bytes.count } + batch.bytes.count
      guard batch.baseOffset < bound, size <= max || (expected.isEmpty && minOne) else { break }
      expected.append(batch)
    }
    let answer = try log.answer(offset, end: bound, max: max, minOne: minOne, limit: 100)
    #expect(answer.bytes == bytes(expected), comment)
    if let last = expected.last {
      let following = model.first { $0.baseOffset >= last.nextOffset }?.baseOffset ?? last.nextOffset
      #expect(answer.next >= last.nextOffset && answer.next <= following, comment)
    }
    let wanted = Int64.random(in: 900...(1_200 + (model.last?.maxTimestamp ?? 0)), using: &generator)
    let first = model.first { $0.nextOffset > offset && $0.baseOffset < bound && $0.maxTimestamp >= wanted }
    if offset < bound {
      let found = try log.findTimestamp(wanted, in: offset..<bound, nonblocking: false)
      #expect(
        found == (first.map { .found(baseOffset: $0.baseOffset, maxTimestamp: $0.maxTimestamp) } ?? .miss), comment)
    }
  }

  /// Readers on other threads while one appends, rolls, flushes and deletes: every answer must be whole batches with
  /// the right content.
  @Test func readsBesideAppendsRollsAndDeletionsAreWhole() throws {
    let rig = try Rig { $0.openFilesMax = 8 }
    let log = try rig.open(segmentBytes: 2_000)
    let progress = Progress()
    let threads = WorkerPool(threadCount: 4)
    defer { threads.stop() }
    threads.run(4) { role in
      do {
        if role == 3 {
          defer { progress.isDone.store(true, ordering: .releasing) }
          try Self.write(log, progress)
        } else {
          try Self.readRandomly(log, role, progress)
        }
      } catch {
        Issue.record("role \(role): \(error)")
        progress.isDone.store(true, ordering: .releasing)
      }
    }
    #expect(progress.answered.load(ordering: .relaxed) > 0)
  }

  private static func write(_ log: PartitionLog, _ progress: Progress) throws {
    var offset: Int64 = 0
    while offset < 6_000, !progress.isDone.load(ordering: .acquiring) {
      let more = series(3, from: offset)
      if try log.append(more, nonblocking: true) == .wouldBlock { try log.append(more) }
      offset += 3
      if offset % 60 == 0 { _ = try log.flush().get() }
      if offset % 90 == 0, offset > 400 { try log.advanceStart(to: offset - 400) }
    }
  }

  private static func readRandomly(_ log: PartitionLog, _ role: Int, _ progress: Progress) throws {
    var generator = SplitMix(UInt64(role + 100))
    while !progress.isDone.load(ordering: .acquiring) {
      let state = log.currentState
      guard state.endOffset > state.startOffset else { continue }
      let offset = Int64.random(in: state.startOffset..<state.endOffset, using: &generator)
      let answer = try log.answer(
        offset, end: Bool.random(using: &generator) ? .max : state.endOffset, max: 1_500, nonblocking: role == 0)
      guard answer.outcome == .ok else { continue }
      if answer.start != offset || answer.bytes != bytes(series(answer.bytes.count / 101, from: offset)) {
        Issue.record("reader \(role): wrong answer at \(offset)")
        progress.isDone.store(true, ordering: .releasing)
      }
      progress.answered.add(1, ordering: .relaxed)
    }
  }
}
