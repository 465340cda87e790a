/// The small answers about the broker itself.
enum StateJSON {
  static var health: [UInt8] {
    var text = JSONWriter()
    text.raw("{\"status\":\"ok\"}\n")
    return text.bytes
  }

  static var index: [UInt8] {
    var text = JSONWriter()
    text.raw("{\"endpoints\":[")
    for (index, row) in HTTPRoute.table.enumerated() {
      text.raw(index > 0 ? ",\n{\"path\":" : "\n{\"path\":")
      text.string(row.path)
      text.raw(",\"methods\":")
      text.string(row.methods)
      text.raw(",\"summary\":")
      text.string(row.summary)
      text.raw("}")
    }
    text.raw("]}\n")
    return text.bytes
  }

  static func topics(_ topics: [Topic]) -> [UInt8] {
    var text = JSONWriter()
    text.raw("{\"topics\":[")
    for (index, topic) in topics.enumerated() {
      text.raw(index > 0 ? ",\n{\"name\":" : "\n{\"name\":")
      text.string(topic.name)
      text.raw(",\"internal\":")
      text.flag(topic.isInternal)
      text.raw(",\"partitions\":[")
      for (number, log) in topic.partitions.enumerated() {
        let offsets = log.offsets
        text.raw(number > 0 ? ",{\"partition\":" : "{\"partition\":")
        text.number(number)
        text.raw(",\"start_offset\":")
        text.number(offsets.logStartOffset)
        text.raw(",\"end_offset\":")
        text.number(offsets.highWatermark)
        text.raw("}")
      }
      text.raw("]}")
    }
    text.raw("]}\n")
    return text.bytes
  }
}
