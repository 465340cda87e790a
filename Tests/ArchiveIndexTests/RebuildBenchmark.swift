import Foundation
import TierAPI
import TierKit
import Testing

@testable import ArchiveIndexCore

/// Not a test of the suite: a measurement, made by hand with `CHRONIK_BENCH=10000 swift test -c release --filter
/// RebuildBenchmark` (with `-Xswiftc -enable-testing`). It prints how long so many small objects take to be rebuilt
/// from a store that needs 20 ms for every request.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["CHRONIK_BENCH"] != nil)) struct RebuildBenchmark {
  @Test func manySmallObjectsOfASlowStore() throws {
    let count = ProcessInfo.processInfo.environment["CHRONIK_BENCH"].flatMap { Int($0) } ?? 0
    let memory = MemoryStore(page: 1000)
    let maker = try Rig(memory) { $0.objectByteCount = 64 << 10 }
    let partitions = try (0..<8).map {
      try maker.open(PartitionID(topic: "many", topicID: Array(0..<16), partition: $0))
    }
    for number in 0..<count {
      let batch = batches(1, from: Int64(number / partitions.count) * 2, size: 20)
      try partitions[number % partitions.count].importSegment(batch)
    }
    maker.tier.stop()
    let host = FakeHost()
    let directory = try ScratchDirectory()
    let tier = try ArchiveTier(
      host: host.services, store: SlowStore(memory), configuration: Configuration(), instanceName: "slow",
      directory: directory.path, hasThreads: false)
    let clock = ContinuousClock()
    let started = try clock.measure { try tier.start() }
    #expect(tier.environment.index.current.objectCount == count)
    var summary = ArchiveSummary()
    let rebuilt = try clock.measure { summary = try tier.rebuild { _, _ in true } }
    #expect(summary.repaired == UInt64(count))
    let verified = try clock.measure {
      summary = try tier.verify(readsEverything: false, progress: { _, _ in true }) { _ in }
    }
    #expect(summary.findings == 0)
    print(
      "\(count) objects, 20 ms a request: start without an index \(started), rebuild \(rebuilt), verify \(verified)")
    tier.stop()
  }
}

/// A store in memory that takes its time.
private final class SlowStore: ObjectStore {
  private let base: MemoryStore
  init(_ base: MemoryStore) { self.base = base }

  private func pause() { usleep(20_000) }

  func start(_ call: StoreCall) throws(TierError) {}
  func stop() {}

  func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    pause()
    return try base.put(key, parts, ifAbsent: ifAbsent, call)
  }

  func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError) {
    pause()
    try base.read(reads, call)
  }

  func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo? {
    pause()
    return try base.head(key, call)
  }

  func list(prefix: String, startAfter: String, limit: Int, _ call: StoreCall) throws(TierError) -> ObjectListing {
    pause()
    return try base.list(prefix: prefix, startAfter: startAfter, limit: limit, call)
  }

  func remove(_ keys: [String], _ call: StoreCall) throws(TierError) {
    pause()
    try base.remove(keys, call)
  }
}
