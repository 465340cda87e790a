internal import KafkaRecords

/// Where a batch stands in the content of its frame, and what its header says.
package struct FrameBatch: Sendable, Equatable {
  package var bytes: Range<Int>
  package var baseOffset: Int64
  package var nextOffset: Int64
  /// Milliseconds since 1970, as the batch's header has it.
  package var maxTimestamp: Int64
}

/// Frame by frame, for readers that keep frames themselves.
extension ArchiveReader {
  /// The index of the last frame that starts at or below `offset`, 0 for offsets before the first.
  package func frame(containing offset: Int64) -> Int { frameIndex(ofOffset: offset) }

  /// Where frame `index` is in the object.
  package func bytes(ofFrame index: Int) -> Range<Int> { footer.frames[index].bytes }

  /// Decompresses frame `index` from its bytes in the object into `target`, which has exactly its `rawByteCount`,
  /// checks the CRC and the order of its batches and returns them. Throws `corrupt`.
  package func decode(
    frame index: Int, _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(ArchiveError) -> [FrameBatch] {
    let frame = footer.frames[index]
    guard target.count == frame.rawByteCount, decompressor.decompress(bytes, into: target) else {
      throw .corrupt(.frame, position: frame.position)
    }
    let end = index + 1 < footer.frames.count ? footer.frames[index + 1].firstOffset : footer.range.nextOffset
    var batches: [FrameBatch] = []
    var cursor = RecordBatchCursor(UnsafeRawBufferPointer(target), check: .lengthOnly)
    do throws(RecordBatchError) {
      while let batch = try cursor.next() {
        let header = batch.header
        let covered = UnsafeRawBufferPointer(rebasing: batch.bytes[RecordBatch.Layout.crcStart...])
        guard CRC32C.checksum(covered) == header.crc, header.nextOffset > header.baseOffset,
          header.baseOffset >= batches.last?.nextOffset ?? frame.firstOffset, header.nextOffset <= end
        else { throw .crcMismatch(stored: header.crc, computed: 0) }
        batches.append(
          FrameBatch(
            bytes: batch.position..<batch.position + batch.bytes.count, baseOffset: header.baseOffset,
            nextOffset: header.nextOffset, maxTimestamp: header.maxTimestamp))
      }
    } catch {
      throw .corrupt(.batch, position: frame.position)
    }
    guard !batches.isEmpty else { throw .corrupt(.frame, position: frame.position) }
    return batches
  }
}
