/// The JSON of a search's answer.
enum SearchJSON {
  static func answer(_ answer: SearchAnswer) -> [UInt8] {
    var text = JSONWriter()
    text.raw("{\"topic\":")
    text.string(answer.topic)
    text.raw(",\"records\":[")
    for (index, record) in answer.records.enumerated() {
      if index > 0 { text.raw(",") }
      text.raw("\n")
      Self.record(record, topic: answer.topic, &text)
    }
    let summary = answer.summary
    text.raw("],\n\"total\":")
    text.number(summary.total)
    text.raw(",\"total_exact\":")
    text.flag(summary.isTotalExact)
    text.raw(",\"partial\":")
    text.flag(summary.isPartial)
    text.raw(",\"reason\":")
    if summary.isPartial { text.string(summary.reason) } else { text.null() }
    text.raw(",\"cursor\":")
    if summary.cursor.isEmpty { text.null() } else { text.string(CursorText.encode(summary.cursor)) }
    text.raw(",\"took_ms\":")
    text.number(answer.took.wholeMilliseconds)
    text.raw(",\"rounds\":")
    text.number(summary.rounds)
    text.raw(",\"bytes_read\":")
    text.number(summary.bytesRead)
    text.raw(",\"objects_searched\":")
    text.number(summary.objectsSearched)
    text.raw(",\"records_scanned\":")
    text.number(summary.recordsScanned)
    text.raw("}\n")
    return text.bytes
  }

  /// One record on one line, without its end.
  static func line(_ record: FoundRecord, topic: String) -> [UInt8] {
    var text = JSONWriter()
    Self.record(record, topic: topic, &text)
    return text.bytes
  }

  private static func record(_ record: FoundRecord, topic: String, _ text: inout JSONWriter) {
    text.raw("{\"topic\":")
    text.string(topic)
    text.raw(",\"partition\":")
    text.number(record.partition)
    text.raw(",\"offset\":")
    text.number(record.offset)
    text.raw(",\"timestamp\":")
    text.number(record.timestamp)
    text.raw(",\"time\":")
    if let time = TimeText.iso8601(milliseconds: record.timestamp) { text.string(time) } else { text.null() }
    text.raw(",\"timestamp_type\":")
    text.string(record.isAppendTime ? "append" : "create")
    text.raw(",\"key\":")
    text.payload(record.key)
    text.raw(",\"value\":")
    value(record, &text)
    text.raw(",\"headers\":[")
    for (index, header) in record.headers.enumerated() {
      text.raw(index > 0 ? ",{\"name\":" : "{\"name\":")
      text.payload(header.name)
      text.raw(",\"value\":")
      text.payload(header.value)
      text.raw("}")
    }
    text.raw("],\"score\":")
    text.number(record.score)
    if record.isAbridged { text.raw(",\"abridged\":true") }
    text.raw("}")
  }

  /// A cut value ends between two characters when it is text.
  private static func value(_ record: FoundRecord, _ text: inout JSONWriter) {
    guard let value = record.value, value.count < record.valueByteCount else { return text.payload(record.value) }
    text.payload(Array(value.dropLast(incompleteTail(value))))
    text.raw(",\"value_bytes\":")
    text.number(record.valueByteCount)
  }

  /// Bytes at the end that begin a character of UTF-8 and do not finish it.
  static func incompleteTail(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where bytes.count >= length {
      let byte = bytes[bytes.count - length]
      if byte & 0xC0 == 0x80 { continue }
      let needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return needed > length ? length : 0
    }
    return 0
  }
}
