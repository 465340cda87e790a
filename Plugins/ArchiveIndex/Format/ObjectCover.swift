/// Which objects of a partition readers use when several hold the same offsets: two leaders archived, an upload ended
/// in a crash before it was recorded, or compaction replaced objects that are not deleted yet. Everything archived lies
/// below the high watermark, so any choice is right; this one is the same everywhere.
public struct ObjectCover: Sendable, Equatable {
  /// Objects in use, by offset. Their ranges may overlap; every one has an offset that no preferred one has.
  public private(set) var kept: [ObjectName]
  /// The others, which can be deleted after a grace period.
  public private(set) var superseded: [ObjectName]

  /// `names` are of one partition. Higher generations, then higher epochs, then longer ranges are preferred.
  public init(_ names: [ObjectName]) {
    let preferred = names.sorted { a, b in
      if a.generation != b.generation { return a.generation > b.generation }
      if a.leaderEpoch != b.leaderEpoch { return a.leaderEpoch > b.leaderEpoch }
      if a.offsets.count != b.offsets.count { return a.offsets.count > b.offsets.count }
      // Of one partition and generation and epoch: as their paths, which are long to make.
      if a.lastOffset != b.lastOffset { return a.lastOffset < b.lastOffset }
      if a.baseOffset != b.baseOffset { return a.baseOffset < b.baseOffset }
      return a.path < b.path
    }
    kept = []
    superseded = []
    var covered = OffsetUnion()
    for name in preferred {
      if covered.insert(name.offsets) { kept.append(name) } else { superseded.append(name) }
    }
    kept.sort { ($0.lastOffset, $0.baseOffset) < ($1.lastOffset, $1.baseOffset) }
    superseded.sort { ($0.lastOffset, $0.baseOffset) < ($1.lastOffset, $1.baseOffset) }
  }

  /// The object to read `offset` from, or the first behind it when no object has it; nil behind the end.
  public func object(for offset: Int64) -> ObjectName? {
    let first = kept.partitioningIndex { $0.lastOffset >= offset }
    // An object that ends later may begin earlier and have the offset where the first one has not.
    return kept[first...].first { $0.offsets.contains(offset) } ?? kept[first...].min { $0.baseOffset < $1.baseOffset }
  }

  /// The offsets of `range` that no object has.
  public func missing(in range: Range<Int64>) -> [Range<Int64>] {
    var covered = OffsetUnion()
    for name in kept where name.offsets.overlaps(range) { _ = covered.insert(name.offsets) }
    var missing: [Range<Int64>] = []
    var next = range.lowerBound
    for part in covered.ranges {
      if part.lowerBound > next { missing.append(next..<part.lowerBound) }
      next = max(next, part.upperBound)
    }
    if next < range.upperBound { missing.append(next..<range.upperBound) }
    return missing
  }

  /// Offsets between the first and the last object that no object has.
  public var gaps: [Range<Int64>] {
    var covered = OffsetUnion()
    for name in kept { _ = covered.insert(name.offsets) }
    return zip(covered.ranges, covered.ranges.dropFirst()).map { $0.upperBound..<$1.lowerBound }
  }
}

/// What retention decides on, from names and sizes alone.
public struct RetentionInput: Sendable, Equatable {
  public var offsets: Range<Int64>
  public var maxTimestamp: Int64
  /// Bytes of the object in its store, from the listing.
  public var byteCount: Int

  public init(_ name: ObjectName, byteCount: Int) {
    offsets = name.offsets
    maxTimestamp = name.maxTimestamp
    self.byteCount = byteCount
  }
}

/// A set of offsets as ascending ranges that do not touch.
private struct OffsetUnion {
  private(set) var ranges: [Range<Int64>] = []

  /// Adds `range`; false when it was covered already.
  mutating func insert(_ range: Range<Int64>) -> Bool {
    let first = ranges.partitioningIndex { $0.upperBound >= range.lowerBound }
    let end = ranges.partitioningIndex { $0.lowerBound > range.upperBound }
    guard first < end else {
      ranges.insert(range, at: first)
      return true
    }
    if end - first == 1, ranges[first].lowerBound <= range.lowerBound, ranges[first].upperBound >= range.upperBound {
      return false
    }
    let low = min(ranges[first].lowerBound, range.lowerBound)
    let high = max(ranges[end - 1].upperBound, range.upperBound)
    ranges.replaceSubrange(first..<end, with: [low..<high])
    return true
  }
}
