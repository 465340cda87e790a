import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct StoreFaultTests {
  @Test func anUploadWhoseAnswerIsLostIsTakenOver() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(30)
    rig.store.fail(.put, .losesAnswer, skip: 1)
    let error = #expect(throws: TierError.self) { try partition.importSegment(all) }
    #expect(error?.code == .retriable)
    let held = partition.state.endOffset
    #expect(held > 0 && held < 60)
    #expect(try rig.findings().map(\.kind) == [.objectWithoutEntry])
    try partition.importSegment(all)
    #expect(try partition.readAll(from: 0) == bytes(all))
    try rig.expectClean()
  }

  @Test func anUploadThatWasNeverRecordedIsTakenOverByTheNextRun() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(30)
    // The upload succeeds and its verification fails, as a crash between the two would leave it.
    rig.store.fail(.read, .refuses(.retriable), skip: 1, count: 1)
    #expect(throws: TierError.self) { try partition.importSegment(all) }
    let again = try rig.restarted()
    let found = try again.open()
    #expect(found.state.endOffset < 60)
    try found.importSegment(all)
    #expect(try found.readAll(from: 0) == bytes(all))
    try again.expectClean()
  }

  @Test(arguments: [MemoryStore.Effect.tears, .damages])
  func anObjectThatIsNotWhatWasWrittenDoesNotCount(_ effect: MemoryStore.Effect) throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(6)
    rig.store.fail(.put, effect)
    #expect(throws: TierError.self) { try partition.importSegment(all) }
    #expect(partition.state.endOffset == 0)
    try partition.importSegment(all)
    #expect(try partition.readAll(from: 0) == bytes(all))
    try rig.expectClean()
  }

  @Test func fullVerificationFindsDamageInTheData() throws {
    let rig = try Rig { $0.verification = .full }
    let partition = try rig.open()
    let all = batches(6)
    // One flipped bit in the third read, which is one of the data.
    rig.store.fail(.read, .damages, skip: 2)
    #expect(throws: TierError.self) { try partition.importSegment(all) }
    #expect(rig.store.keys.isEmpty)
    try partition.importSegment(all)
    try rig.expectClean()
  }

  @Test func aStoreThatFailsIsAnErrorAndNeverEmptiness() throws {
    for code in [TierError.Code.retriable, .throttled] {
      let rig = try Rig()
      let partition = try rig.open()
      try partition.importSegment(batches(10))
      rig.store.fail(.read, .refuses(code))
      let error = #expect(throws: TierError.self) { try partition.answer(3) }
      #expect(error?.code == code)
      #expect(try partition.answer(3).start == 2)
    }
  }

  @Test func damageOnTheWayIsReadAgainAndDamageInTheStoreIsReported() throws {
    let rig = try Rig { $0.cacheByteCount = 0 }
    let partition = try rig.open()
    let all = batches(6)
    try partition.importSegment(all)
    for skip in 0..<2 {
      // First the footer's read, then the frame's.
      rig.tier.environment.footers.drop(rig.tier.environment.index.current.entries[0].name)
      rig.tier.environment.frames.removeAll()
      rig.store.fail(.read, .damages, skip: skip)
      #expect(try partition.answer(0).bytes == bytes(all), "read number \(skip)")
    }
    rig.tier.environment.frames.removeAll()
    let key = rig.store.keys[0]
    rig.store[key]![100] ^= 1
    let error = #expect(throws: TierError.self) { try partition.answer(0) }
    #expect(error?.code == .corrupt)
    #expect(try rig.findings().map(\.kind) == [.damaged])
  }

  @Test func damageInTheLocalCacheIsReadAgain() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(6)
    try partition.importSegment(all)
    // The damage is put into the cache by the read that fills it.
    rig.store.fail(.read, .damages, skip: 1)
    rig.tier.environment.footers.drop(rig.tier.environment.index.current.entries[0].name)
    #expect(try partition.answer(0).bytes == bytes(all))
    rig.tier.environment.frames.removeAll()
    rig.store.resetCounts()
    #expect(try partition.answer(0).bytes == bytes(all))
    #expect(rig.store.calls(.read) == 0, "the good bytes stay in the cache")
  }

  @Test func anotherProcessInTheDirectoryIsFenced() throws {
    let disk = SimulatedDisk()
    let rig = try Rig(disk: disk)
    let error = #expect(throws: TierError.self) { _ = try Rig(in: rig.directory, disk: disk) }
    #expect(error?.code == .fenced)
  }
}
