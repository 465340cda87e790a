import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct CacheTests {
  /// A partition of one large object, nothing of which is cached.
  private func cold(_ change: (inout Configuration) -> Void = { _ in }) throws -> (Rig, ArchivePartition, [TestBatch]) {
    let rig = try Rig {
      $0.objectByteCount = 64 << 20
      $0.index = .none
      change(&$0)
    }
    let partition = try rig.open()
    let all = batches(48, size: 60_000, records: 1)
    try partition.importSegment(all)
    #expect(rig.store.keys.count == 1)
    for object in rig.tier.environment.index.current.entries { rig.tier.environment.forget(object.name) }
    rig.store.resetCounts()
    return (rig, partition, all)
  }

  @Test(arguments: [0, 64 << 20])
  func aColdReadTakesTwoRoundsAndAWarmOneOne(_ cacheByteCount: Int) throws {
    let (rig, partition, all) = try cold { $0.cacheByteCount = cacheByteCount }
    #expect(try partition.answer(20, max: 1 << 20).start == 20)
    #expect(rig.store.calls(.read) == 2)
    rig.store.resetCounts()
    let answer = try partition.answer(40, max: 1 << 20)
    #expect(rig.store.calls(.read) == 1)
    #expect(answer.bytes == bytes(all[40...]))
    rig.store.resetCounts()
    #expect(try partition.answer(40, max: 1 << 20) == answer)
    #expect(try partition.answer(44, max: 1 << 20).start == 44)
    #expect(rig.store.calls(.read) == 0)
  }

  @Test func footersAreKeptOnDiskOverARestart() throws {
    let (rig, partition, all) = try cold()
    _ = try partition.answer(0, max: 1)
    let again = try Rig(rig.store, in: { rig.tier.stop(); return rig.directory }())
    rig.store.resetCounts()
    #expect(try again.open().answer(20, max: 1).bytes == all[20].bytes)
    #expect(rig.store.calls(.read) == 1)
  }

  @Test func theCacheStaysWithinItsBound() throws {
    let rig = try Rig {
      $0.objectByteCount = 100_000
      $0.index = .none
      $0.cacheByteCount = 400_000
    }
    let partition = try rig.open()
    let all = batches(40, size: 50_000, records: 1)
    try partition.importSegment(all)
    for pass in 0..<2 {
      rig.tier.environment.frames.removeAll()
      #expect(try partition.readAll(from: 0, max: 1) == bytes(all), "pass \(pass)")
      #expect(rig.tier.environment.chunks.byteCount <= 400_000)
    }
    rig.tier.stop()
    #expect(rig.tier.environment.chunks.byteCount == 0)
    #expect(rig.host.memory == 0)
  }

  @Test func filesOfTheCacheGoWithWhatIsInThem() throws {
    let rig = try Rig {
      $0.objectByteCount = 100_000
      $0.index = .none
      $0.cacheByteCount = 400_000
    }
    let partition = try rig.open()
    let all = batches(40, size: 50_000, records: 1)
    try partition.importSegment(all)
    for object in rig.tier.environment.index.current.entries { rig.tier.environment.forget(object.name) }
    // Many readers of few objects, so that files are opened twice at a time and go while others come.
    let threads = (0..<6).map { _ in
      WorkerThread {
        do { #expect(try partition.readAll(from: 0, max: 1) == bytes(all)) } catch { Issue.record(error) }
      }
    }
    for thread in threads { thread.join() }
    let directory = CacheDirectory("\(rig.directory.path)/cache")
    func parts() -> Int { directory.names().count { $0.hasSuffix(CacheDirectory.partSuffix) } }
    let smallest = rig.store.keys.map { rig.store[$0]!.count }.min()!
    #expect((1...400_000 / smallest + 1).contains(parts()), "as many files as fit")
    #expect(rig.host.counter("damaged_frames") == 0)
    rig.tier.stop()
    #expect(parts() == 0)
  }

  @Test func readersOfTheSamePlaceShareOneRequest() throws {
    let (rig, partition, all) = try cold()
    let results = Guarded<[Answer]>([])
    let threads = (0..<8).map { _ in
      WorkerThread {
        do {
          let answer = try partition.answer(20, max: 1)
          results.withLock { $0.append(answer) }
        } catch { Issue.record(error) }
      }
    }
    for thread in threads { thread.join() }
    #expect(results.withLock { $0.count } == 8)
    #expect(results.withLock { $0.allSatisfy { $0.bytes == all[20].bytes } })
    #expect(rig.store.calls(.read) == 2)
  }

  @Test func aSequentialReaderIsReadAheadOfAcrossObjects() throws {
    let rig = try Rig {
      $0.objectByteCount = 300_000
      $0.index = .none
      $0.readAheadByteCount = 4 << 20
      $0.cacheByteCount = 64 << 20
    }
    let partition = try rig.open()
    let all = batches(60, size: 50_000, records: 1)
    try partition.importSegment(all)
    #expect(rig.store.keys.count > 8)
    var offset: Int64 = 0
    for _ in 0..<2 { offset = try partition.answer(offset, max: 100_000).next }
    rig.tier.environment.readAhead.drain()
    rig.store.resetCounts()
    // What follows is there, a megabyte of it and more, beyond the end of the object.
    for _ in 0..<8 { offset = try partition.answer(offset, max: 100_000).next }
    #expect(rig.store.calls(.read) == 0)
    rig.tier.environment.readAhead.drain()
    #expect(try partition.readAll(from: 0) == bytes(all))
  }

  @Test func theWindowDoublesForAReaderWhoGoesOnAndForNobodyElse() {
    var streams = SequentialStreams()
    #expect(streams.note(from: 0, to: 10, windowMax: 8 << 20) == nil)
    #expect(streams.note(from: 100, to: 110, windowMax: 8 << 20) == nil)
    var windows: [Int] = []
    for start in stride(from: Int64(10), to: 70, by: 10) {
      if let window = streams.note(from: start, to: start + 10, windowMax: 8 << 20) {
        windows.append(window)
        #expect(streams.note(from: start + 1000, to: start + 1001, windowMax: 8 << 20) == nil)
        streams.finish(from: start + 10)
      }
    }
    #expect(windows == [1 << 20, 2 << 20, 4 << 20, 8 << 20, 8 << 20, 8 << 20])
  }

  @Test func thePoolGoesOnAfterItHadNothingToDo() {
    let pool = ReadAheadPool()
    pool.start(threadCount: 1)
    let done = Guarded(0)
    for round in 1...20 {
      #expect(pool.add { done.change { $0 += 1 } })
      #expect(done.wait(nanoseconds: 60_000_000_000) { $0 == round ? true : nil } == true, "round \(round)")
    }
    pool.stop()
    #expect(!pool.add {})
  }

  @Test func recencyListsForgetTheOldest() {
    var random = SeededGenerator(11)
    var list = RecencyList<Int, Int>()
    var model: [(key: Int, value: Int)] = []
    for step in 0..<5_000 {
      let key = Int.random(in: 0..<40, using: &random)
      let place = model.firstIndex { $0.key == key }
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        #expect(list.insert(step, for: key) == place.map { model.remove(at: $0).value })
        model.append((key, step))
      case 1:
        #expect(list.use(key) == place.map { model[$0].value })
        if let place { model.append(model.remove(at: place)) }
      case 2: #expect(list.remove(key) == place.map { model.remove(at: $0).value })
      default:
        let oldest = list.removeOldest { $0 % 2 == 0 }
        let expected = model.firstIndex { $0.value % 2 == 0 }.map { model.remove(at: $0) }
        #expect(oldest?.key == expected?.key && oldest?.value == expected?.value)
      }
      #expect(list.count == model.count)
    }
  }
}
