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
      states.record(header, baseOffset: offset)
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

  @Test("each of the last five batches is recognised with its original offset; a sixth is not")
  func duplicates() {
    let known = states((0..<6).map { header($0) })
    for sequence in Int32(1)...5 {
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
}
