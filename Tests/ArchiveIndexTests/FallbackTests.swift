import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct FallbackTests {
  /// A fallback of the archive named `name`, as the host makes it: from its options alone.
  private func fallback(_ rig: Rig, _ name: String) throws -> any TierPartition {
    let options = TierOptions(instanceName: "last", dataDirectory: "", settings: name.isEmpty ? [:] : ["archive": name])
    let tier = try FallbackTier(host: rig.host.services, options: options)
    try tier.start()
    return try tier.openPartition(Rig.orders, settings: PartitionSettings(), initialOffset: 0)
  }

  @Test func anObjectTheIndexNeverKnewIsServedAndTakenIn() throws {
    let rig = try Rig(name: "helped-1")
    let partition = try rig.open()
    let all = batches(30)
    try partition.importSegment(all)
    let lost = rig.tier.environment.index.current.entries.first { $0.name.offsets.contains(20) }!
    try rig.tier.environment.index.commit { _ in [.remove(lost.name)] }
    #expect(throws: TierError.self, "a gap is no place to step over") { try partition.answer(20) }
    let before = try partition.answer(lost.name.baseOffset - 1)
    #expect(before.next == lost.name.baseOffset && !before.bytes.isEmpty)
    let last = try fallback(rig, "helped-1")
    #expect(last.state.startOffset == last.state.endOffset)
    #expect(try last.answer(20, nonblocking: true).outcome == .wouldBlock)
    let answer = try last.answer(20, max: 1)
    #expect(answer.bytes == all[10].bytes)
    #expect(try partition.readAll(from: 0) == bytes(all))
    #expect(rig.host.counter("index_repairs") == 1)
    try rig.expectClean()
  }

  @Test func anEntryWhoseObjectIsGoneIsDroppedAndNotAskedForAgainAtOnce() throws {
    let rig = try Rig(name: "helped-2") { $0.cacheByteCount = 0 }
    let partition = try rig.open()
    let all = batches(30)
    try partition.importSegment(all)
    let lost = rig.tier.environment.index.current.entries.first { $0.name.offsets.contains(20) }!
    rig.store[lost.key] = nil
    rig.tier.environment.footers.drop(lost.name)
    let error = #expect(throws: TierError.self) { try partition.answer(20) }
    #expect(error?.code == .notFound)
    let last = try fallback(rig, "helped-2")
    #expect(try last.answer(20).outcome == .miss)
    #expect(rig.tier.environment.index.current.entries.allSatisfy { $0.name != lost.name })
    rig.store.resetCounts()
    for _ in 0..<100 { #expect(try last.answer(20).outcome == .miss) }
    #expect(rig.store.calls(.list) == 0)
    rig.host.advance(seconds: 60)
    #expect(try last.answer(20).outcome == .miss)
    #expect(rig.store.calls(.list) == 1)
    #expect(try partition.answer(0).start == 0)
  }

  @Test func aListingThatForgetsAnObjectTakesNothingAway() throws {
    let rig = try Rig(name: "helped-3")
    let partition = try rig.open()
    try partition.importSegment(batches(30))
    let last = try fallback(rig, "helped-3")
    rig.store.fail(.list, .refuses(.throttled))
    let error = #expect(throws: TierError.self) { try last.answer(20) }
    #expect(error?.code == .throttled)
    #expect(partition.state.endOffset == 60)
  }

  @Test func whatWasDeletedDoesNotComeBack() throws {
    let rig = try Rig(name: "helped-4")
    let partition = try rig.open()
    try partition.importSegment(batches(30))
    try partition.advanceStart(to: 40)
    let last = try fallback(rig, "helped-4")
    #expect(try last.answer(3).outcome == .miss)
    #expect(try last.answer(41).start == 40)
    #expect(try last.answer(60).outcome == .miss)
    #expect(partition.state.startOffset == 40)
    try rig.expectClean()
  }

  @Test func withoutAnArchiveItSaysWhatIsMissing() throws {
    let rig = try Rig(name: "helped-5")
    let error = #expect(throws: TierError.self) { _ = try fallback(rig, "nobody") }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("nobody") == true)
  }
}
