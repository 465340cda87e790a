import SegmentFormat

/// Which leader epoch began where. Short: one entry per leader change. The file behind it may lag; recovery takes the
/// epochs of what it scans from the batches.
struct LeaderEpochs: Sendable, Equatable {
  private(set) var entries: [LeaderEpochEntry]
  /// Whether the file differs.
  var isChanged = false

  init(_ entries: [LeaderEpochEntry] = []) { self.entries = entries }

  var last: Int32 { entries.last?.epoch ?? -1 }

  /// Notes a batch's epoch; older ones and -1 change nothing.
  mutating func note(_ epoch: Int32, at offset: Int64) {
    guard epoch > last, epoch >= 0 else { return }
    entries.append(LeaderEpochEntry(epoch: epoch, startOffset: offset))
    isChanged = true
  }

  /// Forgets what began at or above `offset`.
  mutating func truncate(to offset: Int64) {
    let kept = entries.filter { $0.startOffset < offset }
    guard kept.count < entries.count else { return }
    entries = kept
    isChanged = true
  }

  /// Forgets epochs that ended at or below `offset`, keeping the one in force there.
  mutating func advanceStart(to offset: Int64) {
    guard let inForce = entries.lastIndex(where: { $0.startOffset <= offset }), inForce >= 0 else { return }
    if inForce == 0, entries[0].startOffset == offset { return }
    var kept = Array(entries[inForce...])
    if kept[0].startOffset == offset, inForce == 0 { return }
    kept[0].startOffset = offset
    entries = kept
    isChanged = true
  }

  /// The epoch in force just below `nextOffset`, -1 when unknown.
  func epoch(before nextOffset: Int64) -> Int32 {
    entries.last { $0.startOffset < nextOffset }?.epoch ?? -1
  }
}
