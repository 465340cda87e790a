/// The tagged fields at the end of a struct in flexible versions: a count, then tag, size and content of each.
///
/// A tagged field is on the wire only while it differs from its default. Unknown tags are skipped; a known one must
/// fill its size exactly. Other versions have nothing here, and both calls do nothing.
extension FieldCoder {
  /// For a struct without tagged fields of its own.
  @inline(__always)
  public mutating func taggedFields() throws(WireError) {
    guard isFlexible else { return }
    if isReading {
      let count = try loadVarint()
      if count > 0 { try skipTags(count) }
    } else {
      store(0 as UInt8)
    }
  }

  /// For a struct with tagged fields. `present` says which to write: those that the version has and that differ from
  /// their default; it is ignored when reading. `transcode` handles the content of one tag and returns true, or returns
  /// false, without touching the coder, for a tag it does not know.
  public mutating func taggedFields(
    _ present: TagSet, _ transcode: (UInt32, inout FieldCoder) throws(WireError) -> Bool
  ) throws(WireError) {
    guard isFlexible else { return }
    if isReading {
      for _ in 0..<(try loadVarint()) {
        let tag = try loadVarint()
        let end = try loadTagEnd()
        let outerLimit = limit
        limit = end
        let isKnown = try transcode(tag, &self)
        guard position == end || !isKnown else { throw failure(.taggedFieldSizeMismatch, at: position) }
        limit = outerLimit
        position = end
      }
    } else {
      storeVarint(UInt32(present.count))
      for tag in present.ascending {
        storeVarint(tag)
        try storeSized { (field) throws(WireError) in
          let isKnown = try transcode(tag, &field)
          precondition(isKnown, "a tag that is present has no content")
        }
      }
    }
  }

  @inline(never)
  mutating func skipTags(_ count: UInt32) throws(WireError) {
    for _ in 0..<count {
      _ = try loadVarint()
      position = try loadTagEnd()
    }
  }

  private mutating func loadTagEnd() throws(WireError) -> Int {
    let start = position
    let size = Int(try loadVarint())
    guard size <= remaining else { throw failure(.truncated, at: start) }
    return position &+ size
  }

  /// Writes the size of what `content` writes in front of it. Sizes are nearly always below 128, so one byte is left
  /// for it and the content moved in the rare other case.
  private mutating func storeSized(
    _ content: (inout FieldCoder) throws(WireError) -> Void
  ) throws(WireError) {
    store(0 as UInt8)
    let start = position
    let spliceCount = splices.count
    try content(&self)
    precondition(splices.count == spliceCount, "records within a tagged field would be moved")
    let size = position - start
    var sizeOfSize = 1
    while size >> (7 * sizeOfSize) != 0 { sizeOfSize += 1 }
    if sizeOfSize > 1 {
      reserve(sizeOfSize - 1)
      (base + start + sizeOfSize - 1).copyMemory(from: base + start, byteCount: size)
    }
    position = start - 1
    storeVarint(UInt32(size))
    position += size
  }
}
