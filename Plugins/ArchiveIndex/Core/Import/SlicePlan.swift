import ArchiveFormat
import KafkaRecords
import TierAPI
import TierKit

/// One object to be.
struct Slice: Equatable {
  /// Where its batches are in the segment.
  var bytes: Range<Int>
  /// Offsets it stands for: its batches' and those before them and behind the last one that have no batch.
  var offsets: Range<Int64>
  /// Of the batch with the largest maxTimestamp, and that.
  var maxTimestampOffset: Int64
  var maxTimestamp: Int64
  var leaderEpoch: Int32
}

/// How a segment is cut into objects: on batch boundaries, so that each has at most `sliceByteCountMax` bytes or a
/// single batch. From the headers alone; the writer checks the checksums.
struct SlicePlan {
  private(set) var slices: [Slice] = []
  /// Transactions that end in this segment with an abort, with the offsets they have in it. One whose marker comes in a
  /// later segment is not known yet.
  private(set) var aborted: [AbortedTransaction] = []

  private let offsets: Range<Int64>
  private let sliceByteCountMax: Int
  /// Where each producer's open transaction begins.
  private var open: [Int64: Int64] = [:]

  /// `resume`: batches that end at or below it are archived already. `first`: where the first slice begins, at the
  /// latest with its first batch.
  init(
    _ segment: SegmentBytes, offsets: Range<Int64>, resume: Int64, first: Int64, sliceByteCountMax: Int,
    isCancelled: () -> Bool
  ) throws(TierError) {
    self.offsets = offsets
    self.sliceByteCountMax = sliceByteCountMax
    var window = HeaderWindow(segment)
    var position = 0
    var next = offsets.lowerBound
    var count = 0
    while position < segment.byteCount {
      let header = try window.header(at: position)
      guard header.byteCount <= segment.byteCount - position else {
        throw TierError(.corrupt, "the batch at byte \(position) of the segment to archive is cut off")
      }
      guard header.baseOffset >= next, header.nextOffset > header.baseOffset, header.nextOffset <= offsets.upperBound
      else {
        throw TierError(
          .corrupt, "the batch at byte \(position) of the segment to archive has offset \(header.baseOffset)")
      }
      next = header.nextOffset
      if header.isTransactional { try note(header, position, &window) }
      if next > resume { add(header, position) }
      position += header.byteCount
      count += 1
      if count % 4096 == 0, isCancelled() { throw TierError(.cancelled, "the import was cancelled") }
    }
    close(first: first)
  }

  private mutating func add(_ header: RecordBatchHeader, _ position: Int) {
    let end = position + header.byteCount
    if var last = slices.last, end - last.bytes.lowerBound <= sliceByteCountMax {
      last.bytes = last.bytes.lowerBound..<end
      if header.maxTimestamp > last.maxTimestamp {
        last.maxTimestamp = header.maxTimestamp
        last.maxTimestampOffset = header.baseOffset
      }
      last.leaderEpoch = max(last.leaderEpoch, header.partitionLeaderEpoch)
      slices[slices.count - 1] = last
    } else {
      slices.append(
        Slice(
          bytes: position..<end, offsets: header.baseOffset..<header.nextOffset, maxTimestampOffset: header.baseOffset,
          maxTimestamp: header.maxTimestamp, leaderEpoch: max(0, header.partitionLeaderEpoch)))
    }
  }

  /// Gives every slice the offsets up to the next one, so that together they stand for the whole segment.
  private mutating func close(first: Int64) {
    for index in slices.indices {
      let own = slices[index].offsets.lowerBound
      let low = index == 0 ? min(own, first) : own
      let high = index + 1 < slices.count ? slices[index + 1].offsets.lowerBound : offsets.upperBound
      slices[index].offsets = low..<high
    }
  }

  private mutating func note(
    _ header: RecordBatchHeader, _ position: Int, _ window: inout HeaderWindow
  ) throws(TierError) {
    guard header.isControl else {
      if open[header.producerID] == nil { open[header.producerID] = header.baseOffset }
      return
    }
    let first = open.removeValue(forKey: header.producerID) ?? offsets.lowerBound
    guard header.byteCount <= Limits.controlBatchByteCountMax else { return }
    let batch = try window.bytes(at: position, byteCount: header.byteCount)
    guard Self.isAbort(batch) else { return }
    aborted.append(AbortedTransaction(producerID: header.producerID, firstOffset: first, lastOffset: header.lastOffset))
  }

  private static func isAbort(_ batch: [UInt8]) -> Bool {
    batch.withUnsafeBytes { bytes in
      do throws(RecordBatchError) {
        let reader = try RecordBatchReader(bytes, limit: Limits.controlBatchByteCountMax)
        return try reader.withCursor { (cursor) throws(RecordBatchError) in
          guard let record = try cursor.next() else { return false }
          return try ControlRecord(record).kind == .abort
        }
      } catch {
        return false
      }
    }
  }
}

/// Reads headers one behind the other with few reads.
private struct HeaderWindow {
  private let segment: SegmentBytes
  private var bytes: [UInt8] = []
  private var start = 0

  init(_ segment: SegmentBytes) { self.segment = segment }

  mutating func header(at position: Int) throws(TierError) -> RecordBatchHeader {
    let raw = try bytes(at: position, byteCount: min(RecordBatchHeader.byteCount, segment.byteCount - position))
    let result: Result<RecordBatchHeader, RecordBatchError> = raw.withUnsafeBytes { raw in
      do throws(RecordBatchError) { return .success(try RecordBatchHeader(parsing: raw)) } catch {
        return .failure(error)
      }
    }
    switch result {
    case .success(let header): return header
    case .failure(let error):
      throw TierError(.corrupt, "the batch at byte \(position) of the segment to archive: \(error)")
    }
  }

  mutating func bytes(at position: Int, byteCount: Int) throws(TierError) -> [UInt8] {
    if position < start || position + byteCount > start + bytes.count {
      let size = min(max(byteCount, Limits.headerReadByteCount), segment.byteCount - position)
      if bytes.count != size { bytes = [UInt8](repeating: 0, count: size) }
      start = position
      var failure: TierError?
      bytes.withUnsafeMutableBytes { target in
        do throws(TierError) { try segment.read(at: position, into: target) } catch { failure = error }
      }
      if let failure { throw failure }
    }
    return Array(bytes[position - start..<position - start + byteCount])
  }
}
