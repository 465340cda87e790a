internal import ArchiveFormat

/// A part of a search that is done on its own.
enum SearchUnit: Sendable {
  /// Offsets that an object answers for: every offset belongs to one unit, though objects may overlap.
  case object(partition: Int, ObjectName, offsets: Range<Int64>)
  /// Offsets that no object has, which the source reads.
  case unsealed(partition: Int, offsets: Range<Int64>)

  /// No record of the unit has a later timestamp, in milliseconds since 1970.
  var maxTimestamp: Int64 {
    switch self {
    case .object(_, let name, _): name.maxTimestamp
    case .unsealed: .max
    }
  }
}

/// What a search has to look at, from names alone.
enum SearchPlan {
  /// The units of one partition. `objects` are those in use; where they overlap, the one is asked that readers prefer
  /// (the higher generation, then the higher epoch, then the longer one). Objects whose records are all older than
  /// `since` are left out.
  static func units(
    partition: Int, offsets: Range<Int64>, objects: [ObjectName], since: Int64
  ) -> [SearchUnit] {
    var open = OffsetSet(offsets)
    var units: [SearchUnit] = []
    for name in objects.sorted(by: isPreferred) {
      for part in open.remove(name.offsets) where name.maxTimestamp >= since {
        units.append(.object(partition: partition, name, offsets: part))
      }
    }
    return units + open.ranges.map { .unsealed(partition: partition, offsets: $0) }
  }

  private static func isPreferred(_ a: ObjectName, _ b: ObjectName) -> Bool {
    if a.generation != b.generation { return a.generation > b.generation }
    if a.leaderEpoch != b.leaderEpoch { return a.leaderEpoch > b.leaderEpoch }
    if a.offsets.count != b.offsets.count { return a.offsets.count > b.offsets.count }
    return a.path < b.path
  }

  /// The latest first; unsealed records before all.
  static func newestFirst(_ units: [SearchUnit]) -> [SearchUnit] {
    let keyed = units.enumerated().map { (time: $1.maxTimestamp, index: $0) }
    return keyed.sorted { $0.time != $1.time ? $0.time > $1.time : $0.index > $1.index }.map { units[$0.index] }
  }
}

/// Offsets as ascending ranges that do not touch.
struct OffsetSet {
  private(set) var ranges: [Range<Int64>]

  init(_ range: Range<Int64>) { ranges = range.isEmpty ? [] : [range] }

  /// Takes `range` out and returns the parts of it that were in.
  mutating func remove(_ range: Range<Int64>) -> [Range<Int64>] {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > range.lowerBound { high = middle } else { low = middle + 1 }
    }
    var end = low
    var removed: [Range<Int64>] = []
    var kept: [Range<Int64>] = []
    while end < ranges.count, ranges[end].lowerBound < range.upperBound {
      let old = ranges[end]
      let part = old.clamped(to: range)
      if !part.isEmpty { removed.append(part) }
      if old.lowerBound < range.lowerBound { kept.append(old.lowerBound..<range.lowerBound) }
      if old.upperBound > range.upperBound { kept.append(range.upperBound..<old.upperBound) }
      end += 1
    }
    ranges.replaceSubrange(low..<end, with: kept)
    return removed
  }
}
