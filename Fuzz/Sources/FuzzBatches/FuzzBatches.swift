import KafkaRecords

/// The records field of a Produce request: batches one behind the other. The input is read twice: as it is, and with
/// magic, length and CRC made right, because no mutation gets past a checksum.
func fuzzBatches(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  walk(input)
  guard count >= RecordBatchHeader.byteCount else { return 0 }
  let repaired = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
  defer { repaired.deallocate() }
  repaired.copyMemory(from: input)
  repair(repaired)
  readRecords(UnsafeRawBufferPointer(repaired))
  return 0
}

/// What one batch may become: small, so that the fuzzer is quick, and well below what its bombs want.
private let decompressedByteCountMax = 1 << 20

private func walk(_ bytes: UnsafeRawBufferPointer) {
  var cursor = RecordBatchCursor(bytes)
  do throws(RecordBatchError) {
    while let batch = try cursor.next() {
      precondition(batch.bytes.count == batch.header.byteCount && cursor.consumedByteCount <= bytes.count)
    }
  } catch {
    precondition(cursor.consumedByteCount <= bytes.count, "\(error)")
  }
}

private func repair(_ batch: UnsafeMutableRawBufferPointer) {
  let length = Int32(batch.count - RecordBatchHeader.byteCountBeforeLengthEnd)
  batch.storeBytes(of: length.bigEndian, toByteOffset: RecordBatch.Layout.batchLength, as: Int32.self)
  batch.storeBytes(of: RecordBatch.currentMagic, toByteOffset: RecordBatch.Layout.magic, as: Int8.self)
  let covered = UnsafeRawBufferPointer(rebasing: batch[RecordBatch.Layout.crcStart...])
  batch.storeBytes(of: CRC32C.checksum(covered).bigEndian, toByteOffset: RecordBatch.Layout.crc, as: UInt32.self)
}

private func readRecords(_ batch: UnsafeRawBufferPointer) {
  do throws(RecordBatchError) {
    let header = try RecordBatch.validate(batch)
    let reader = try RecordBatchReader(batch, limit: decompressedByteCountMax)
    precondition(reader.decompressedByteCount <= decompressedByteCountMax || header.compression == Compression.none)
    let records = try reader.records()
    precondition(records.count == Int(header.recordCount), "another count of records than the header has")
    // Which rules apply is up to the fuzzer, by a field that no rule looks at.
    let summary = try RecordBatch.validateRecords(
      batch,
      rules: RecordRules(
        decompressedByteCountMax: decompressedByteCountMax, requiresDenseOffsets: header.baseSequence & 1 == 0,
        requiresKeys: header.baseSequence & 2 == 0, timestamps: 0...Int64.max))
    precondition(summary.tombstoneCount <= records.count)
    try transcode(batch, header, records)
  } catch {
    return
  }
}

/// A batch that could be read has the same records in the codec that its producer's epoch names.
private func transcode(
  _ batch: UnsafeRawBufferPointer, _ header: RecordBatchHeader, _ records: [Record]
) throws(RecordBatchError) {
  let codecs = Compression.allCases
  let codec = codecs[Int(UInt16(bitPattern: header.producerEpoch)) % codecs.count]
  let transcoded = try RecordBatch.transcode(
    batch, header: header, to: codec, decompressedByteCountMax: decompressedByteCountMax, byteCountMax: .max)
  guard let transcoded else { preconditionFailure("no batch is larger than allowed here") }
  transcoded.withUnsafeBytes { bytes in
    do throws(RecordBatchError) {
      let found = try RecordBatch.validate(bytes)
      precondition(found.byteCount == bytes.count && found.compression == codec)
      let again = try RecordBatchReader(bytes, limit: decompressedByteCountMax).records()
      precondition(again == records, "the records changed with the codec")
    } catch {
      preconditionFailure("what was transcoded cannot be read: \(error)")
    }
  }
}
