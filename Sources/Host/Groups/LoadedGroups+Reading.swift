import KafkaRecords

extension LoadedGroups {
  /// Reads a partition from its start to its end. Blocks. Throws when the log cannot be read.
  static func read(_ log: PartitionLog) throws -> LoadedGroups {
    var loaded = LoadedGroups()
    let offsets = log.offsets
    try log.scan(from: offsets.logStartOffset, to: offsets.highWatermark) { header, bytes in
      guard !header.isControl else { return true }
      let reader = try RecordBatchReader(bytes, limit: AppendValidator.decodedByteCountMax)
      try reader.withCursor { (cursor) throws(RecordBatchError) in
        while let record = try cursor.next() { loaded.apply(key: record.key, value: record.value) }
      }
      return true
    }
    return loaded
  }
}
