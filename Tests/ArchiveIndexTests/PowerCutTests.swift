import Testing
import TierKit

@testable import ArchiveIndexCore

/// Runs a script, cuts the power at each change of the index's disk in turn and looks at what is left. The store keeps
/// what it was given.
@Suite struct PowerCutTests {
  private let directory: ScratchDirectory

  init() throws { directory = try ScratchDirectory() }

  private struct Model {
    /// Batches whose import was confirmed.
    var confirmed: [TestBatch] = []
    /// Batches that may be found besides.
    var possible: [TestBatch] = []
    var start: ClosedRange<Int64> = 0...0
  }

  private static func script(_ rig: Rig, _ model: inout Model) throws {
    let partition = try rig.open()
    func add(_ count: Int) throws {
      let more = batches(count, from: model.confirmed.last?.nextOffset ?? 0, size: 60)
      model.possible = more
      try partition.importSegment(more)
      model.confirmed += more
      model.possible = []
    }
    func raise(to offset: Int64) throws {
      model.start = model.start.lowerBound...offset
      try partition.advanceStart(to: offset)
      model.start = offset...offset
    }
    try add(12)
    try add(20)
    try raise(to: 21)
    try rig.tier.environment.deletions.runOnce()
    try add(9)
    try raise(to: 60)
    try add(4)
    try rig.tier.environment.deletions.runOnce()
    partition.close()
    rig.tier.stop()
  }

  @Test func noCutLosesAnObjectOrMovesTheStart() throws {
    var whole = Model()
    let first = SimulatedDisk()
    try Self.script(try Rig(in: directory, disk: first) { $0.objectByteCount = 900 }, &whole)
    let total = first.changeCount
    #expect(total > 30)
    for cut in 0..<total {
      for seed in 0..<3 {
        let disk = SimulatedDisk()
        disk.cutAt = cut
        var model = Model()
        let store = MemoryStore()
        do {
          try Self.script(try Rig(store, in: directory, disk: disk) { $0.objectByteCount = 900 }, &model)
        } catch is TierError {}
        let seed = UInt64(cut * 10 + seed)
        try check(store, disk.afterPowerCut(seed: seed), model, "cut at \(cut) of \(total), seed \(seed)")
      }
    }
  }

  @Test func noCutInACommitNeedsTheStoreToStart() throws {
    var whole = Model()
    let first = SimulatedDisk()
    try Self.script(try Rig(in: directory, disk: first) { $0.objectByteCount = 900 }, &whole)
    var tornCount = 0
    for cut in 0..<first.changeCount {
      for seed in 0..<8 {
        let disk = SimulatedDisk()
        disk.cutAt = cut
        var model = Model()
        let store = MemoryStore()
        do {
          try Self.script(try Rig(store, in: directory, disk: disk) { $0.objectByteCount = 900 }, &model)
        } catch is TierError {}
        let found = disk.afterPowerCut(seed: UInt64(cut * 10 + seed))
        // Only before the first start was complete there may be no index at all.
        if found["\(directory.path)/segments.index"] == nil, model.confirmed.isEmpty { continue }
        let comment = Comment("cut at \(cut), seed \(cut * 10 + seed)")
        store.isDown = true
        let rig = try Rig(store, in: directory, disk: found) { $0.objectByteCount = 900 }
        tornCount += rig.host.lines(.warning).count { $0.text.contains("never confirmed") }
        let state = try rig.open().state
        #expect(model.start.contains(state.startOffset), comment)
        #expect(state.endOffset >= model.confirmed.last?.nextOffset ?? 0, comment)
        rig.tier.stop()
        store.isDown = false
        try check(store, found, model, comment)
      }
    }
    #expect(tornCount > 10, "the cuts tear records")
  }

  private func check(_ store: MemoryStore, _ disk: SimulatedDisk, _ model: Model, _ comment: Comment) throws {
    let rig = try Rig(store, in: directory, disk: disk) { $0.objectByteCount = 900 }
    let partition = try rig.open()
    let state = partition.state
    #expect(model.start.contains(state.startOffset), comment)
    #expect(state.endOffset >= model.confirmed.last?.nextOffset ?? 0, comment)
    let all = model.confirmed + model.possible
    let found = all.filter { $0.nextOffset > state.startOffset && $0.nextOffset <= state.endOffset }
    #expect(try partition.readAll(from: state.startOffset) == bytes(found), comment)
    // The interrupted import is repeated, and nothing is lost, doubled or left behind.
    if !model.possible.isEmpty { try partition.importSegment(model.possible) }
    let more = batches(3, from: all.last?.nextOffset ?? 0, size: 60)
    try partition.importSegment(more)
    let expected = (all + more).filter { $0.nextOffset > state.startOffset }
    #expect(try partition.readAll(from: state.startOffset) == bytes(expected), comment)
    try rig.expectClean(comment)
    partition.close()
    rig.tier.stop()
    #expect(disk.openCount == 0, comment)
  }
}
