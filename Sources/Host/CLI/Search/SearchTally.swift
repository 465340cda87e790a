/// What one or several pages of a search did, for the line on standard error.
struct SearchTally {
  private(set) var count = 0
  private var total: UInt64 = 0
  private var isExact = true
  private var milliseconds: Int64 = 0
  private var objects: UInt64 = 0
  private var bytesRead: UInt64 = 0
  private var scanned: UInt64 = 0
  private var partialReason: String?
  private var cursor: String?

  mutating func add(_ reply: SearchReply) {
    // Every page counts what matches behind its cursor or all of it, as the tier likes; the most that was said holds.
    total = max(total, reply.total, UInt64(count + reply.records.count))
    count += reply.records.count
    isExact = isExact && reply.total_exact
    milliseconds += reply.took_ms
    objects += reply.objects_searched
    bytesRead += reply.bytes_read
    scanned += reply.records_scanned
    if reply.partial { partialReason = reply.reason ?? "" }
    cursor = reply.cursor
  }

  /// "20 of 1234 records in 12 ms (3 objects, 1.2 MiB read, 40 records scanned)", and what is missing.
  func line(usesColour: Bool) -> String {
    let matched = isExact ? "\(total)" : "at least \(total)"
    var text = "\(count) of \(matched) records in \(milliseconds) ms "
      + "(\(objects) objects, \(Self.size(bytesRead)) read, \(scanned) records scanned)"
    if let partialReason {
      let warning = "partial: \(partialReason.isEmpty ? "there may be more" : partialReason)"
      text += "\n" + (usesColour ? "\u{1B}[33m\(warning)\u{1B}[0m" : warning)
    }
    if let cursor { text += "\nmore with --cursor \(cursor)" }
    return text
  }

  static func size(_ bytes: UInt64) -> String {
    if bytes < 1024 { return "\(bytes) B" }
    let units = ["KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes) / 1024
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return "\((value * 10).rounded() / 10) \(units[unit])"
  }
}
