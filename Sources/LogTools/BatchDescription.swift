import KafkaRecords

/// Batches and records as named fields, under Kafka's names.
enum BatchDescription {
  static func fields(_ header: RecordBatchHeader, position: Int64) -> [DumpOutput.Field] {
    var fields: [DumpOutput.Field] = [
      ("byte", .integer(position)), ("baseOffset", .integer(header.baseOffset)),
      ("lastOffset", .integer(header.lastOffset)), ("count", .integer(Int64(header.recordCount))),
      ("size", .integer(Int64(header.byteCount))), ("leaderEpoch", .integer(Int64(header.partitionLeaderEpoch))),
      ("compression", .text(header.compression?.name ?? "unknown(\(header.compressionID))")),
      ("timestampType", .text(header.timestampType == .createTime ? "CreateTime" : "LogAppendTime")),
      ("baseTimestamp", .integer(header.baseTimestamp)), ("maxTimestamp", .integer(header.maxTimestamp)),
      ("crc", .text("0x" + String(header.crc, radix: 16))),
    ]
    if header.hasProducerID {
      fields += [
        ("producerId", .integer(header.producerID)), ("producerEpoch", .integer(Int64(header.producerEpoch))),
        ("baseSequence", .integer(Int64(header.baseSequence))),
      ]
    }
    if header.isTransactional { fields.append(("transactional", .flag(true))) }
    if header.isControl { fields.append(("control", .flag(true))) }
    return fields
  }

  static func fields(_ record: RecordView, _ header: RecordBatchHeader) -> [DumpOutput.Field] {
    var fields: [DumpOutput.Field] = [
      ("offset", .integer(header.baseOffset + Int64(record.offsetDelta))),
      ("timestamp", .integer(header.timestamp(delta: record.timestampDelta))), ("key", .bytes(record.key)),
      ("value", .bytes(record.value)),
    ]
    for entry in record.headers { fields.append(("header." + entry.name, .bytes(entry.value))) }
    return fields
  }
}
