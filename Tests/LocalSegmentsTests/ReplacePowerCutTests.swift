import Testing
import TierKit

@testable import LocalSegmentsCore

/// Cuts the power, or kills the process, at every change of a run that replaces segments three times, and looks at what
/// a restart finds: at every offset the old batches or the new ones, never a mixture within one replaced range.
@Suite struct ReplacePowerCutTests {
  /// Ranges that were or may have been replaced, and what stands in them then.
  private struct Expectation {
    var original: [TestBatch] = []
    var durableEnd: Int64 = 0
    /// In the order of the script; nil for what is being tried: both forms are right.
    var replaced: [(range: Range<Int64>, batches: [TestBatch], isDone: Bool)] = []

    /// Every content that is right.
    var forms: [[TestBatch]] {
      var forms = [original]
      for step in replaced {
        let changed = forms.map { batches in
          batches.filter { $0.nextOffset <= step.range.lowerBound } + step.batches
            + batches.filter { $0.baseOffset >= step.range.upperBound }
        }
        forms = step.isDone ? changed : forms + changed
      }
      return forms
    }
  }

  private static func script(_ rig: Rig, _ model: inout Expectation) throws {
    let log = try rig.open(segmentBytes: 1_024)
    func append(_ count: Int) throws {
      let more = series(count, from: model.original.last?.nextOffset ?? 0)
      model.original += more
      try log.append(more)
      model.durableEnd = try log.flush().get()
    }
    func replace(_ range: Range<Int64>, _ batches: [TestBatch]) throws {
      model.replaced.append((range, batches, false))
      try log.replace(range, with: batches)
      model.replaced[model.replaced.count - 1].isDone = true
    }
    try append(40)
    rig.tier.checkpoint()
    let first = try log.sealedRanges
    let kept = thinned(model.original.filter { $0.nextOffset <= first[1].upperBound }, keeping: first[1].upperBound)
    try replace(0..<first[1].upperBound, kept)
    try append(20)
    let second = try log.sealedRanges
    let range = second[0].lowerBound..<second[2].upperBound
    let rest = model.original.filter { $0.baseOffset >= first[1].upperBound && $0.nextOffset <= range.upperBound }
    try replace(range, kept.filter { $0.baseOffset % 2 == 0 } + thinned(rest, keeping: range.upperBound))
    // One segment by itself, whose file keeps its name.
    let third = try log.sealedRanges[1]
    try replace(third, thinned(model.original.filter { third.contains($0.baseOffset) }, keeping: third.upperBound))
    log.close()
    rig.tier.stop()
  }

  private func check(_ disk: SimulatedDisk, _ model: Expectation, _ comment: Comment) throws {
    let rig = try Rig(disk)
    let log = try rig.open(segmentBytes: 1_024)
    let state = log.currentState
    #expect(state.startOffset == 0 && state.endOffset >= model.durableEnd, comment)
    guard state.endOffset > 0 else { return }
    let found = try log.answer(0, limit: 64).bytes
    let right = model.forms.map { bytes($0.filter { $0.nextOffset <= state.endOffset }) }
    #expect(right.contains(found), comment)
    let leftovers = disk.names(Rig.directory).filter {
      $0.hasSuffix("cleaned") || $0.hasSuffix("swap") || $0.hasSuffix("rebuilding")
    }
    #expect(leftovers.isEmpty, comment)
    // It goes on from there, and an exchange works again.
    let more = series(25, from: state.endOffset)
    try log.append(more)
    _ = try log.flush().get()
    let range = try log.sealedRanges[0]
    let inside = try split(log.answer(0, end: range.upperBound, limit: 64).bytes)
    let last = TestBatch(at: range.upperBound - 1, payload: [9], timestamp: 5_000)
    try log.replace(range, with: [last])
    log.close()
    rig.tier.stop()
    let again = try Rig(rig.disk.afterPowerCut(seed: 5))
    let reopened = try again.open(segmentBytes: 1_024)
    let tail = split(found + bytes(more)).dropFirst(inside.count).flatMap { $0 }
    #expect(try reopened.answer(0, limit: 64).bytes == last.bytes + tail, comment)
    // An index that a killed process had not synced may be computed again.
    let lines = again.host.linesAtLeast(.warning).filter {
      $0.text != "An index is missing or wrong and is computed again."
    }
    #expect(lines.isEmpty, comment)
  }

  @Test func everyCutLeavesTheOldSegmentsOrTheNewOne() throws {
    var whole = Expectation()
    let rig = try Rig()
    try Self.script(rig, &whole)
    let total = rig.disk.changeCount
    #expect(total > 80)
    for cut in 0..<total {
      for seed in 0..<6 {
        let disk = SimulatedDisk()
        disk.cutAt = cut
        var model = Expectation()
        do { try Self.script(try Rig(disk), &model) } catch is TierError {}
        let seed = UInt64(cut * 100 + seed)
        try check(disk.afterPowerCut(seed: seed), model, "cut at change \(cut) of \(total), seed \(seed)")
      }
      let disk = SimulatedDisk()
      disk.cutAt = cut
      var model = Expectation()
      do { try Self.script(try Rig(disk), &model) } catch is TierError {}
      try check(disk.afterKill(), model, "killed at change \(cut) of \(total)")
    }
  }
}
