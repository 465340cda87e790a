import KafkaProtocol
import NIOCore
import Testing

@testable import Host

/// The rules of KIP-227.
@Suite("Fetch sessions")
struct FetchSessionTests {
  private func target(_ partition: Int32, offset: Int64 = 0) -> FetchTarget {
    FetchTarget(
      topic: "t", topicID: .zero, partition: partition, fetchOffset: offset, maxBytes: 1000, currentLeaderEpoch: -1,
      lastFetchedEpoch: -1)
  }

  private func data(_ partition: Int32, highWatermark: Int64, bytes: Int = 0) -> FetchResponse.PartitionData {
    var data = FetchResponse.PartitionData()
    data.partitionIndex = partition
    data.highWatermark = highWatermark
    data.logStartOffset = 0
    data.records = .external(byteCount: bytes)
    return data
  }

  @Test("epochs count from 1; a wrong one and an unknown id are refused with their own codes")
  func epochs() throws {
    let cache = FetchSessionCache(capacity: 10)
    let session = try #require(cache.create([target(0)]))
    cache.finish(session)
    guard case .refused(let wrong) = cache.take(session.id, epoch: 2) else {
      Issue.record("epoch 2 came too early"); return
    }
    #expect(wrong == .invalidFetchSessionEpoch)
    guard case .session(let taken) = cache.take(session.id, epoch: 1) else { Issue.record("epoch 1 is next"); return }
    #expect(taken === session)
    cache.finish(taken)
    guard case .refused(let missing) = cache.take(session.id &+ 1, epoch: 2) else { Issue.record("no such id"); return }
    #expect(missing == .fetchSessionIdNotFound)
  }

  @Test("a session in use by one request is refused to another")
  func exclusive() throws {
    let cache = FetchSessionCache(capacity: 10)
    let session = try #require(cache.create([target(0)]))
    guard case .refused(let code) = cache.take(session.id, epoch: 1) else { Issue.record("it is in use"); return }
    #expect(code == .invalidFetchSessionEpoch)
  }

  @Test("an incremental response mentions a partition only when something changed")
  func incremental() throws {
    let session = try #require(FetchSessionCache(capacity: 1).create([target(0), target(1)]))
    let key = target(0).key
    #expect(session.mustMention(key, data(0, highWatermark: 5)))
    #expect(!session.mustMention(key, data(0, highWatermark: 5)))
    #expect(session.mustMention(key, data(0, highWatermark: 5, bytes: 10)))
    #expect(session.mustMention(key, data(0, highWatermark: 6)))
    var failed = data(0, highWatermark: 6)
    failed.errorCode = .offsetOutOfRange
    #expect(session.mustMention(key, failed))
    #expect(session.mustMention(key, data(0, highWatermark: 6)), "after an error the partition is mentioned once more")
  }

  @Test("partitions are added, replaced and forgotten; served ones go to the end")
  func updates() throws {
    let session = try #require(FetchSessionCache(capacity: 1).create([target(0), target(1), target(2)]))
    session.rotate(served: [target(0).key])
    #expect(session.targets.map(\.partition) == [1, 2, 0])
    session.update([target(1, offset: 7), target(3)], forgotten: [target(2).key])
    #expect(session.targets.map(\.partition) == [1, 0, 3])
    #expect(session.targets.map(\.fetchOffset) == [7, 0, 0])
  }

  @Test("a partition that a request names again is read once, as it was named last")
  func distinct() {
    let wanted = FetchTarget.distinct([
      target(3, offset: 1), target(1), target(3, offset: 7), target(2), target(1, offset: 4),
    ])
    #expect(wanted.map(\.partition) == [3, 1, 2])
    #expect(wanted.map(\.fetchOffset) == [7, 4, 0])
    #expect(FetchTarget.distinct([target(5)]).map(\.partition) == [5])
    #expect(FetchTarget.distinct([]).isEmpty)
  }

  @Test("a full cache gives up only a session that was idle for two minutes")
  func eviction() throws {
    let cache = FetchSessionCache(capacity: 1)
    let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    let first = try #require(cache.create([target(0)], now: start))
    #expect(cache.create([target(1)], now: start + .hours(1)) == nil, "it is in use")
    cache.finish(first)
    #expect(cache.create([target(1)], now: start + .seconds(119)) == nil)
    #expect(cache.create([target(1)], now: start + .seconds(120)) != nil)
    #expect(cache.count == 1)
  }

  @Test("a session made by names is refused to a fetch by ids, and the other way round")
  func namesAndIDs() throws {
    let cache = FetchSessionCache(capacity: 2)
    for byID in [false, true] {
      let session = try #require(cache.create([target(0)], usesTopicIDs: byID))
      cache.finish(session)
      guard case .refused(let code) = cache.take(session.id, epoch: 1, usesTopicIDs: !byID) else {
        Issue.record("a session mixes names and ids")
        return
      }
      #expect(code == .fetchSessionTopicIdError)
      guard case .session = cache.take(session.id, epoch: 1, usesTopicIDs: byID) else {
        Issue.record("the refusal has used the epoch up")
        return
      }
    }
  }

  @Test("partitions of all sessions are bounded, also when a session grows")
  func bounded() throws {
    let cache = FetchSessionCache(capacity: 10, partitionCountMax: 4)
    let first = try #require(cache.create([target(0), target(1)]))
    #expect(cache.create([target(0), target(1), target(2)]) == nil, "the fetch goes without a session")
    let second = try #require(cache.create([target(0), target(1)]))
    second.update([], forgotten: [target(0).key])
    cache.finish(second)
    first.update([target(2)], forgotten: [])
    cache.finish(first)
    #expect(cache.count == 2, "four partitions are not too many")
    guard case .session(let taken) = cache.take(first.id, epoch: 1) else { Issue.record("it is kept"); return }
    taken.update([target(3)], forgotten: [])
    cache.finish(taken)
    #expect(cache.count == 1)
    guard case .refused(let code) = cache.take(first.id, epoch: 2) else { Issue.record("it is forgotten"); return }
    #expect(code == .fetchSessionIdNotFound)
    #expect(cache.create([target(5), target(6), target(7)]) != nil, "what it held is free again")
  }
}
