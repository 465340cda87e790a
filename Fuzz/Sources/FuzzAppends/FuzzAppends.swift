import KafkaRecords

@testable import HostParts

/// What a produce request meets before its records are in the log. The first byte says which part: the topic's rules over
/// the records field, or the sequence check over a list of batches.
func fuzzAppend(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let input = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  if start[0] & 1 == 0 { fuzzValidator(start[0], input) } else { fuzzSequences(input) }
  return 0
}

/// The time of the broker's clock in every run, ms.
private let now: Int64 = 1_700_000_000_000

/// The batches as they are, and with lengths and checksums made right. `rules` chooses the topic's settings.
private func fuzzValidator(_ rules: UInt8, _ input: UnsafeRawBufferPointer) {
  let validator = AppendValidator(
    batchByteCountMax: 1 << 14, requiresKeys: rules & 2 != 0, timestampBeforeMax: rules & 4 != 0 ? 3_600_000 : nil,
    timestampAfterMax: rules & 8 != 0 ? 3_600_000 : nil, usesLogAppendTime: rules & 16 != 0)
  validate(input, validator)
  let repaired = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count, alignment: 1)
  defer { repaired.deallocate() }
  repaired.copyMemory(from: input)
  var position = 0
  while position < repaired.count {
    position += repair(UnsafeMutableRawBufferPointer(rebasing: repaired[position...]))
  }
  validate(UnsafeRawBufferPointer(repaired), validator)
}

private func validate(_ bytes: UnsafeRawBufferPointer, _ validator: AppendValidator) {
  do throws(AppendRefusal) {
    let batches = try validator.validate(0..<bytes.count, in: bytes, now: now)
    // They lie one behind the other and fill the field; each keeps what the log relies on.
    var end = 0
    for batch in batches {
      let header = batch.header
      precondition(batch.range.lowerBound == end && batch.range.count == header.byteCount)
      precondition(header.recordCount > 0 && header.lastOffsetDelta == header.recordCount - 1)
      precondition(header.byteCount <= validator.batchByteCountMax && !header.isControl && !header.isTransactional)
      precondition(validator.usesLogAppendTime || header.maxTimestamp >= header.baseTimestamp || batch.repairsMaxTimestamp)
      end = batch.range.upperBound
    }
    precondition(end == bytes.count)
  } catch {
    precondition(error.code != .none, "a refusal without an error: \(error.message)")
    for record in error.records { precondition(record.index >= 0) }
  }
}

/// Makes the batch at the start of `bytes` pass the checks that no mutation gets past. Returns how long it is.
private func repair(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
  guard bytes.count >= RecordBatchHeader.byteCount else { return bytes.count }
  let announced = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: RecordBatch.Layout.batchLength, as: Int32.self))
  let least = RecordBatchHeader.byteCount
  var byteCount = RecordBatchHeader.byteCountBeforeLengthEnd + Int(max(0, announced))
  if byteCount < least || byteCount > bytes.count { byteCount = bytes.count }
  let length = Int32(byteCount - RecordBatchHeader.byteCountBeforeLengthEnd)
  bytes.storeBytes(of: length.bigEndian, toByteOffset: RecordBatch.Layout.batchLength, as: Int32.self)
  bytes.storeBytes(of: RecordBatch.currentMagic, toByteOffset: RecordBatch.Layout.magic, as: Int8.self)
  let covered = UnsafeRawBufferPointer(rebasing: bytes[RecordBatch.Layout.crcStart..<byteCount])
  bytes.storeBytes(of: CRC32C.checksum(covered).bigEndian, toByteOffset: RecordBatch.Layout.crc, as: UInt32.self)
  return byteCount
}
