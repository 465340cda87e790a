import KafkaRecords
import PluginLoader

/// Whether bytes may stand in the place of a batch: the same batch with some of its records. Pure.
enum RewrittenBatchCheck {
  /// Throws what is wrong, as a `.permanent` failure of the strategy.
  static func check(_ bytes: UnsafeRawBufferPointer, replacing old: RecordBatchHeader) throws(TierFailure) {
    let new: RecordBatchHeader
    do throws(RecordBatchError) {
      let rules = RecordRules(
        decompressedByteCountMax: AppendValidator.decodedByteCountMax, requiresDenseOffsets: false)
      new = try RecordBatch.validateRecords(bytes, rules: rules).header
    } catch {
      throw refusal(old, "cannot be read: \(error)")
    }
    guard new.byteCount == bytes.count else { throw refusal(old, "is followed by more bytes") }
    guard new.baseOffset == old.baseOffset, new.lastOffsetDelta == old.lastOffsetDelta else {
      throw refusal(old, "has the offsets [\(new.baseOffset), \(new.nextOffset))")
    }
    guard new.partitionLeaderEpoch == old.partitionLeaderEpoch, new.producerID == old.producerID,
      new.producerEpoch == old.producerEpoch, new.baseSequence == old.baseSequence,
      new.isTransactional == old.isTransactional, new.isControl == old.isControl,
      new.timestampType == old.timestampType
    else { throw refusal(old, "differs in epoch, producer or attributes") }
    guard new.recordCount <= old.recordCount else {
      throw refusal(old, "has \(new.recordCount) records instead of at most \(old.recordCount)")
    }
  }

  private static func refusal(_ old: RecordBatchHeader, _ reason: String) -> TierFailure {
    TierFailure(
      .permanent, origin: "compaction",
      message: "the batch that should replace [\(old.baseOffset), \(old.nextOffset)) \(reason)")
  }
}
