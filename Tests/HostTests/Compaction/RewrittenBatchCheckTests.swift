import KafkaRecords
import PluginLoader
import Testing

@testable import Host

@Suite struct RewrittenBatchCheckTests {
  private func batch(
    _ records: Int, epoch: Int32 = 3, base: Int64 = 50, producer: Int64 = 9, sequence: Int32 = 4
  ) -> [UInt8] {
    var builder = RecordBatchBuilder(
      baseOffset: base, producerID: producer, producerEpoch: 1, baseSequence: sequence, partitionLeaderEpoch: epoch)
    for index in 0..<records { builder.append(timestamp: 1_000, key: [UInt8(index)], value: [1, 2, 3]) }
    return builder.build()
  }

  private func refusal(_ bytes: [UInt8]) throws -> String? {
    let old = try batch(5).withUnsafeBytes { try RecordBatchHeader(parsing: $0) }
    return bytes.withUnsafeBytes { raw in
      do throws(TierFailure) {
        try RewrittenBatchCheck.check(raw, replacing: old)
        return nil
      } catch { return error.message }
    }
  }

  /// The batch of five with only the records at these distances.
  private func kept(_ deltas: Set<Int32>) throws -> [UInt8] {
    try batch(5).withUnsafeBytes { raw in
      let reader = try RecordBatchReader(raw, limit: 1 << 20)
      var builder = RecordBatchBuilder(rewriting: reader.header)
      try reader.withCursor { (cursor) throws(RecordBatchError) in
        while let record = try cursor.next() { if deltas.contains(record.offsetDelta) { builder.append(record) } }
      }
      return builder.build()
    }
  }

  @Test func theSameBatchWithFewerRecordsIsTaken() throws {
    #expect(try refusal(batch(5)) == nil)
    #expect(try refusal(kept([1, 4])) == nil)
    #expect(try refusal(kept([])) == nil)
  }

  @Test func anotherBatchIsRefused() throws {
    #expect(try refusal(batch(4))?.contains("offsets [50, 54)") == true)
    #expect(try refusal(batch(5, base: 51))?.contains("offsets [51, 56)") == true)
    #expect(try refusal(batch(5, epoch: 4))?.contains("differs") == true)
    #expect(try refusal(batch(5, producer: 8))?.contains("differs") == true)
    #expect(try refusal(batch(5, sequence: 5))?.contains("differs") == true)
    #expect(try refusal(batch(5) + [0])?.contains("more bytes") == true)
  }

  @Test func aDamagedBatchIsRefused() throws {
    for position in [16, 17, 21, 57, 61, 70] {
      var bytes = batch(5)
      bytes[position] ^= 0x10
      #expect(try refusal(bytes)?.contains("cannot be read") == true, "byte \(position)")
    }
    #expect(try refusal(Array(batch(5).dropLast()))?.contains("cannot be read") == true)
    #expect(try refusal([])?.contains("cannot be read") == true)
  }
}
