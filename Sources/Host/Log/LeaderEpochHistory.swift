/// Which leader epoch wrote which part of a log: epochs rise with the offsets. Pure.
///
/// A client that knows the epoch of the last record it saw can ask where that epoch ended; when the answer lies below
/// its position, what it saw was lost in a crash and the log went on with other records (KIP-101, KIP-320).
struct LeaderEpochHistory: Sendable, Equatable {
  struct Entry: Sendable, Equatable {
    var epoch: Int32
    /// First offset that the epoch may have written.
    var startOffset: Int64
  }

  /// Epochs remembered; each restart that wrote something takes one. The oldest go first, which makes questions about
  /// them end in OFFSET_OUT_OF_RANGE or at the next known epoch.
  static let countMax = 1024

  /// Strictly rising in both numbers.
  private(set) var entries: [Entry] = []

  init() {}

  /// What a snapshot held; nil when the entries do not rise.
  init?(_ entries: [Entry]) {
    guard zip(entries, entries.dropFirst()).allSatisfy({ $0.epoch < $1.epoch && $0.startOffset < $1.startOffset })
    else { return nil }
    self.entries = entries
  }

  var latestEpoch: Int32? { entries.last?.epoch }

  /// `epoch` writes from `offset` on. An epoch that wrote nothing leaves no trace; a repetition changes nothing.
  mutating func assign(_ epoch: Int32, at offset: Int64) {
    if let last = entries.last, last.epoch == epoch, last.startOffset <= offset { return }
    while let last = entries.last, last.epoch >= epoch || last.startOffset >= offset { entries.removeLast() }
    entries.append(Entry(epoch: epoch, startOffset: offset))
    if entries.count > Self.countMax { entries.removeFirst(entries.count - Self.countMax) }
  }

  /// The log was cut off at `offset`.
  mutating func truncateEnd(to offset: Int64) {
    while let last = entries.last, last.startOffset >= offset { entries.removeLast() }
  }

  /// The log begins at `offset` now. The epoch that wrote there begins there too.
  mutating func truncateStart(to offset: Int64) {
    guard let index = entries.lastIndex(where: { $0.startOffset <= offset }) else { return }
    entries.removeFirst(index)
    entries[0].startOffset = offset
  }

  /// Where `epoch` ended: the largest known epoch that is not above it, and the start of the next one. The latest epoch
  /// ends where the log does. Nil for an epoch that is newer than all known ones, or without history. For one older
  /// than all known ones: that epoch, and where the first known one begins.
  func end(of epoch: Int32, logEndOffset: Int64) -> (epoch: Int32, endOffset: Int64)? {
    guard epoch >= 0, let latest = entries.last, epoch <= latest.epoch else { return nil }
    if epoch == latest.epoch { return (epoch, logEndOffset) }
    guard let next = entries.firstIndex(where: { $0.epoch > epoch }) else { return nil }
    return (next == 0 ? epoch : entries[next - 1].epoch, entries[next].startOffset)
  }

  /// The epoch that wrote `offset`; nil below what is known.
  func epoch(at offset: Int64) -> Int32? {
    entries.last { $0.startOffset <= offset }?.epoch
  }
}
