import KafkaProtocol
import KafkaRecords
import Testing

@testable import Host

/// The rules of KIP-98 and KIP-360 for sequences of idempotent producers.
@Suite("Producer sequences")
struct ProducerSequenceTests {
  private func header(_ sequence: Int32, count: Int32 = 1, epoch: Int16 = 0, id: Int64 = 7) -> RecordBatchHeader {
    RecordBatchHeader(
      lastOffsetDelta: count - 1, maxTimestamp: 1000, producerID: id, producerEpoch: epoch, baseSequence: sequence,
      recordCount: count)
  }

  private func states(_ headers: [RecordBatchHeader]) -> ProducerStates {
    var states = ProducerStates()
    var offset: Int64 = 100
    for header in headers {
      states.record(header, baseOffset: offset, now: 5000)
      offset += Int64(header.recordCount)
    }
    return states
  }

  @Test("batches follow each other by sequence; a gap is out of order")
  func order() {
    let known = states([header(0, count: 3)])
    #expect(known.check(header(3)) == .append)
    guard case .refuse(let code, _) = known.check(header(4)) else { Issue.record("4 leaves a gap"); return }
    #expect(code == .outOfOrderSequenceNumber)
  }

  @Test("each of the last ten batches is recognised with its original offset; an eleventh is not")
  func duplicates() {
    let known = states((0..<11).map { header($0) })
    for sequence in Int32(1)...10 {
      let offset = 100 + Int64(sequence)
      #expect(known.check(header(sequence)) == .duplicate(baseOffset: offset, lastOffset: offset, timestamp: 1000))
    }
    guard case .refuse(let code, _) = known.check(header(0)) else { Issue.record("0 is no longer remembered"); return }
    #expect(code == .outOfOrderSequenceNumber)
  }

  @Test("the sequence wraps from 2147483647 to 0")
  func wrap() {
    let known = states([header(.max)])
    #expect(known.check(header(0)) == .append)
  }

  @Test("an older epoch is fenced, a newer one begins at sequence 0")
  func epochs() {
    let known = states([header(5, epoch: 3)])
    guard case .refuse(let fenced, _) = known.check(header(6, epoch: 2)) else { Issue.record("epoch 2 is old"); return }
    #expect(fenced == .invalidProducerEpoch)
    #expect(known.check(header(0, epoch: 4)) == .append)
    guard case .refuse(let order, _) = known.check(header(6, epoch: 4)) else { Issue.record("must begin at 0"); return }
    #expect(order == .outOfOrderSequenceNumber)
  }

  @Test("a producer that the log does not know may begin anywhere")
  func unknown() {
    #expect(ProducerStates().check(header(41)) == .append)
  }

  @Test("a copy must be of the same epoch and of the same range")
  func copies() {
    let known = states([header(0, count: 3, epoch: 1)])
    #expect(known.check(header(0, count: 3, epoch: 1)) == .duplicate(baseOffset: 100, lastOffset: 102, timestamp: 1000))
    guard case .refuse(let code, _) = known.check(header(0, count: 2, epoch: 1)) else {
      Issue.record("another range is no copy")
      return
    }
    #expect(code == .outOfOrderSequenceNumber)
    #expect(known.check(header(0, count: 3, epoch: 2)) == .append, "the sequence of a new epoch")
  }

  @Test("a batch whose sequences run over the end is followed by where it ended")
  func wrapInside() {
    let known = states([header(Int32.max - 1, count: 4)])
    #expect(known.check(header(2)) == .append, "…646, …647, 0, 1, then 2")
    #expect(
      known.check(header(Int32.max - 1, count: 4)) == .duplicate(baseOffset: 100, lastOffset: 103, timestamp: 1000))
  }

  @Test("several batches of one request are judged one after the other")
  func several() {
    func batches(_ headers: [RecordBatchHeader]) -> [ValidatedBatch] {
      headers.map { ValidatedBatch(range: 0..<61, header: $0) }
    }
    let known = states([header(0), header(1)])
    #expect(known.check(batches([header(2, count: 2), header(4)])) == .append)
    guard case .refuse(let gap, _) = known.check(batches([header(2, count: 2), header(5)])) else {
      Issue.record("5 does not follow 3")
      return
    }
    #expect(gap == .outOfOrderSequenceNumber)
    #expect(
      known.check(batches([header(0), header(1)])) == .duplicate(baseOffset: 100, lastOffset: 101, timestamp: 1000))
    guard case .refuse(let mixed, _) = known.check(batches([header(1), header(2)])) else {
      Issue.record("one answer cannot tell of a copy and of a new batch")
      return
    }
    #expect(mixed == .invalidRecord)
  }

  @Test("a silent producer is forgotten by the broker's clock, and the number of producers is bounded")
  func bounds() {
    var known = ProducerStates()
    for id in 0..<Int64(ProducerStates.countMax + 1) {
      known.record(header(0, id: id), baseOffset: id, now: id)
    }
    #expect(known.producers.count <= ProducerStates.countMax)
    #expect(known.producers[0] == nil, "the longest silent goes first")
    #expect(known.producers[Int64(ProducerStates.countMax)] != nil)
    known.expire(before: Int64(ProducerStates.countMax))
    #expect(known.producers.count == 1)
  }
}
