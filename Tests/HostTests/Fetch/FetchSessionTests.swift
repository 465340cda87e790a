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
}
