import KafkaRecords

/// The first byte names a codec, the rest is its compressed stream. Nothing larger than the limit may come out, and what
/// comes out survives being compressed again.
func fuzzCodecs(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 0, let codec = Compression(rawValue: Int8(bitPattern: start[0] & 7)) else { return 0 }
  let stream = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  let output: [UInt8]
  do throws(RecordBatchError) { output = try codec.decompress(stream, limit: decompressedByteCountMax) } catch { return 0 }
  precondition(output.count <= decompressedByteCountMax, "\(codec) exceeded its limit")
  let compressed = output.withUnsafeBytes { codec.compress($0) }
  do {
    let again = try compressed.withUnsafeBytes { try codec.decompress($0, limit: decompressedByteCountMax) }
    precondition(again == output, "\(codec) reads its own writing as something else")
  } catch {
    preconditionFailure("\(codec) cannot read its own writing: \(error)")
  }
  return 0
}

/// Small, so that the fuzzer is quick.
private let decompressedByteCountMax = 1 << 20
