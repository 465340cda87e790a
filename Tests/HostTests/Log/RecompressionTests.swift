import KafkaProtocol
import KafkaRecords
import Testing

@testable import Host

@Suite("Topics with a codec of their own")
struct RecompressionTests {
  private let now: Int64 = 1_700_000_000_000

  private func batch(_ codec: Compression, valueByteCount: Int = 10) -> [UInt8] {
    var builder = RecordBatchBuilder(compression: codec)
    builder.append(timestamp: now, key: nil, value: [UInt8](repeating: 0, count: valueByteCount))
    return builder.build()
  }

  private func request(_ bytes: [UInt8], _ codec: Compression) throws -> AppendRequest {
    let validator = AppendValidator(
      batchByteCountMax: 1 << 20, requiresKeys: false, timestampBeforeMax: nil, timestampAfterMax: nil,
      usesLogAppendTime: false, codec: codec)
    let frame = FrameBuffer(copying: bytes)
    let batches = try validator.validate(0..<bytes.count, in: frame.bytes, now: now)
    return AppendRequest(frame: frame, batches: batches, acks: .leader, codec: codec) { _ in }
  }

  @Test("a batch that has the codec is copied with what is known of it, also a largest timestamp to be repaired")
  func copies() throws {
    var first = batch(.zstd)
    first.withUnsafeMutableBytes { RecordBatch.setMaxTimestamp(-1, in: $0) }
    let request = try request(first + batch(.none), .zstd)
    try request.recompress(.zstd, batchByteCountMax: 1 << 20)
    #expect(request.batches.map(\.header.compression) == [.zstd, .zstd])
    #expect(request.batches.map(\.header.maxTimestamp) == [now, now])
    #expect(request.batches.map(\.repairsMaxTimestamp) == [true, false])
    #expect(Array(request.frame.bytes(request.batches[0].range)) == first)
    let changed = request.frame.bytes(request.batches[1].range)
    #expect(try RecordBatchReader(changed, limit: 1000).records().first?.value == [UInt8](repeating: 0, count: 10))
  }

  @Test("small batches that become large are refused together, one of the largest size is not")
  func bombs() throws {
    let bomb = batch(.zstd, valueByteCount: (1 << 20) - 200)
    #expect(bomb.count < 300)
    let one = try request(bomb, .none)
    try one.recompress(.none, batchByteCountMax: 1 << 20)
    #expect(one.batches[0].range.count > 1_000_000)
    let two = try request(bomb + bomb, .none)
    let refusal = #expect(throws: AppendRefusal.self) { try two.recompress(.none, batchByteCountMax: 1 << 20) }
    #expect(refusal?.code == .messageTooLarge)
    #expect(two.batches.map(\.range) == [0..<bomb.count, bomb.count..<2 * bomb.count], "nothing has changed")
  }
}
