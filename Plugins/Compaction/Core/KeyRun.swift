import KafkaRecords
import TierKit

/// One run of the strategy Key: first it sees the dirty part and notes the newest offset of every key, then it judges
/// every batch up to there.
///
/// When the map is full, the run ends its dirty part there; records behind it are not judged, and the next run goes on.
/// Aborted records do not count and go; batches of undecided transactions and control batches stay as they are.
final class KeyRun: CompactionRun {
  private let filter: BatchFilter
  private let hash: KeyHash
  private let host: HostServices
  private var map: KeyMap
  private var accountedByteCount: Int64 = 0
  /// Everything below was seen; records at or above it are not judged.
  private var observedOffset: Int64
  private let start: Int64
  private var recordsSeen = 0
  private var recordsKept = 0
  private var unreadableBatches = 0
  private let name: String

  init(_ view: CompactionView, observed: Range<Int64>, dedupeByteCount: Int, host: HostServices) {
    filter = BatchFilter(
      now: view.now, deleteRetention: view.settings.deleteRetention,
      dropsTombstones: view.rewriteStartOffset <= view.startOffset)
    hash = KeyHash(k0: host.random, k1: host.random)
    map = KeyMap(byteCountMax: dedupeByteCount)
    start = observed.lowerBound
    observedOffset = observed.lowerBound
    self.host = host
    name = "\(view.id.topic)-\(view.id.partition)"
  }

  deinit { host.accountMemory(-accountedByteCount) }

  func observe(_ batch: CompactionBatch) throws(TierError) -> CompactionProgress {
    let isFull = !isTransparent(batch) && !note(batch)
    if !isFull { observedOffset = max(observedOffset, batch.nextOffset) }
    let grown = Int64(map.byteCount) - accountedByteCount
    if grown != 0 {
      host.accountMemory(grown)
      accountedByteCount += grown
    }
    if isFull, observedOffset == start {
      throw TierError(.noSpace, "\(name): dedupe_buffer has no room for the keys of a single batch; make it larger")
    }
    return CompactionProgress(observedOffset: observedOffset, isFull: isFull)
  }

  /// Notes the records of a batch; false when there was no room for all of them: those before count.
  private func note(_ batch: CompactionBatch) -> Bool {
    do throws(RecordBatchError) {
      let reader = try RecordBatchReader(batch.bytes, limit: Limits.decompressedByteCountMax)
      return try reader.withCursor { (cursor) throws(RecordBatchError) -> Bool in
        while let record = try cursor.next() {
          let offset = batch.baseOffset &+ Int64(record.offsetDelta)
          guard offset >= start, let key = record.key else { continue }
          guard map.put(hash.hash(key), offset) else { return false }
          observedOffset = max(observedOffset, offset + 1)
        }
        return true
      }
    } catch {
      // What it holds is not known, so it makes nothing else obsolete; rewrite will keep it.
      return true
    }
  }

  func rewrite(_ batch: CompactionBatch) throws(TierError) -> CompactionVerdict {
    do throws(RecordBatchError) {
      let header = try RecordBatchHeader(parsing: batch.bytes)
      recordsSeen += Int(header.recordCount)
      let mustStay = !batch.flags.isDisjoint(with: [.last, .producerLast])
      if header.isControl || (header.isTransactional && batch.flags.isDisjoint(with: [.committed, .aborted])) {
        return kept(.keep, Int(header.recordCount))
      }
      let isAborted = batch.flags.contains(.aborted)
      let end = observedOffset
      let (outcome, count) = try filter.filter(batch.bytes, mustStay: mustStay) { key, offset in
        if isAborted { return false }
        if offset >= end { return true }
        guard let key else { return false }
        return offset >= map.offset(hash.hash(key))
      }
      switch outcome {
      case .keep: return kept(.keep, count)
      case .drop: return kept(.drop, count)
      case .replace(let bytes): return kept(.replace(bytes), count)
      }
    } catch {
      noteUnreadable(batch, error)
      return kept(.keep, 0)
    }
  }

  func finish() -> CompactionResult {
    CompactionResult(cleanedOffset: observedOffset, recordsSeen: recordsSeen, recordsKept: recordsKept)
  }

  private func kept(_ action: CompactionVerdict.Action, _ count: Int) -> CompactionVerdict {
    recordsKept += count
    return CompactionVerdict(action, recordsKept: count)
  }

  /// Batches whose records are not looked at.
  private func isTransparent(_ batch: CompactionBatch) -> Bool {
    do throws(RecordBatchError) {
      let header = try RecordBatchHeader(parsing: batch.bytes)
      return header.isControl || header.recordCount == 0 || batch.flags.contains(.aborted)
        || (header.isTransactional && !batch.flags.contains(.committed))
    } catch {
      return true
    }
  }

  private func noteUnreadable(_ batch: CompactionBatch, _ error: RecordBatchError) {
    unreadableBatches += 1
    guard unreadableBatches == 1 else { return }
    host.log(
      .warning, "A batch cannot be read by compaction and stays as it is.",
      [("partition", name), ("offset", String(batch.baseOffset)), ("error", "\(error)")])
  }
}
