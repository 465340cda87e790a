import Testing

@testable import Host

/// The rules of KIP-101 and KIP-320, with Kafka's answers at the edges.
@Suite("Leader epochs")
struct LeaderEpochHistoryTests {
  private func history(_ pairs: [(Int32, Int64)]) -> LeaderEpochHistory {
    var history = LeaderEpochHistory()
    for (epoch, start) in pairs { history.assign(epoch, at: start) }
    return history
  }

  private func pairs(_ history: LeaderEpochHistory) -> [[Int64]] {
    history.entries.map { [Int64($0.epoch), $0.startOffset] }
  }

  @Test("an epoch ends where the next one begins, the latest at the end of the log")
  func ends() {
    let known = history([(2, 0), (4, 10), (7, 25)])
    func end(_ epoch: Int32) -> [Int64]? {
      known.end(of: epoch, logEndOffset: 40).map { [Int64($0.epoch), $0.endOffset] }
    }
    #expect(end(7) == [7, 40])
    #expect(end(4) == [4, 25])
    #expect(end(2) == [2, 10])
    #expect(end(5) == [4, 25], "an epoch that wrote nothing: the one before it")
    #expect(end(1) == [1, 0], "older than all: it ends where the first known one begins")
    #expect(end(8) == nil, "newer than all")
    #expect(end(-1) == nil)
    #expect(LeaderEpochHistory().end(of: 0, logEndOffset: 5) == nil)
  }

  @Test("an epoch that wrote nothing leaves no trace, a repetition changes nothing")
  func assign() {
    #expect(pairs(history([(0, 0), (1, 10), (2, 10)])) == [[0, 0], [2, 10]])
    #expect(pairs(history([(3, 5), (3, 9)])) == [[3, 5]])
    #expect(pairs(history([(0, 0), (5, 10), (3, 20)])) == [[0, 0], [3, 20]], "what a higher epoch claimed is gone")
  }

  @Test("cutting the end forgets epochs that begin there; moving the start moves the first one")
  func truncate() {
    var known = history([(0, 0), (1, 10), (2, 20)])
    known.truncateEnd(to: 20)
    #expect(pairs(known) == [[0, 0], [1, 10]])
    known.truncateStart(to: 15)
    #expect(pairs(known) == [[1, 15]])
    known.truncateStart(to: 3)
    #expect(pairs(known) == [[1, 15]])
  }

  @Test("the epoch of an offset is that of the last one to begin at or before it")
  func epochAt() {
    let known = history([(0, 5), (2, 10)])
    #expect(known.epoch(at: 4) == nil)
    #expect(known.epoch(at: 9) == 0)
    #expect(known.epoch(at: 10) == 2)
  }

  @Test("the number of epochs is bounded; the oldest go")
  func bound() {
    let known = history((0..<2000).map { (Int32($0), Int64($0)) })
    #expect(known.entries.count == LeaderEpochHistory.countMax)
    #expect(known.latestEpoch == 1999)
  }
}
