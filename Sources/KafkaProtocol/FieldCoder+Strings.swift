/// Strings, bytes and records: a length, then that many bytes.
///
/// Flexible versions have the length plus one as an unsigned varint, 0 meaning null. The others have -1 for null in an
/// `int16` (strings) or an `int32` (bytes and records).
extension FieldCoder {
  public mutating func string(_ value: inout String) throws(WireError) {
    if isReading {
      let start = position
      guard let string = try loadString() else { throw failure(.nullNotAllowed, at: start) }
      value = string
    } else {
      try storeString(value)
    }
  }

  /// `nullable`: whether this version knows null here; if not, null is an error in both directions.
  public mutating func nullableString(
    _ value: inout String?, nullable: Bool = true
  ) throws(WireError) {
    let start = position
    if isReading {
      value = try loadString()
      if value == nil && !nullable { throw failure(.nullNotAllowed, at: start) }
    } else if let value {
      try storeString(value)
    } else {
      guard nullable else { throw failure(.nullNotAllowed, at: start) }
      try storeShortLength(-1)
    }
  }

  public mutating func bytes(_ value: inout [UInt8]) throws(WireError) {
    if isReading {
      let start = position
      guard let range = try loadRange() else { throw failure(.nullNotAllowed, at: start) }
      value = copy(range)
    } else {
      try storeBytes(value)
    }
  }

  public mutating func nullableBytes(
    _ value: inout [UInt8]?, nullable: Bool = true
  ) throws(WireError) {
    let start = position
    if isReading {
      value = try loadRange().map { copy($0) }
      if value == nil && !nullable { throw failure(.nullNotAllowed, at: start) }
    } else if let value {
      try storeBytes(value)
    } else {
      guard nullable else { throw failure(.nullNotAllowed, at: start) }
      try storeLength(-1)
    }
  }

  /// Record batches. Reading yields null or the range in the frame; writing yields the length and a splice.
  public mutating func records(_ value: inout RecordsField) throws(WireError) {
    if isReading {
      if let range = try loadRange() { value = .inFrame(range) } else { value = .null }
    } else if value == .null {
      try storeLength(-1)
    } else {
      try storeLength(value.byteCount)
      splices.append(Splice(position: position, byteCount: value.byteCount))
    }
  }
}

// MARK: - Lengths

extension FieldCoder {
  /// A string's length: -1 is null.
  @inline(__always)
  mutating func loadShortLength() throws(WireError) -> Int {
    let start = position
    if isFlexible { return Int(try loadVarint()) &- 1 }
    let length = Int(try load(Int16.self))
    if length < -1 { throw failure(.negativeLength, at: start) }
    return length
  }

  /// The length of bytes or records, or the count of an array: -1 is null.
  @inline(__always)
  mutating func loadLength() throws(WireError) -> Int {
    let start = position
    if isFlexible { return Int(try loadVarint()) &- 1 }
    let length = Int(try load(Int32.self))
    if length < -1 { throw failure(.negativeLength, at: start) }
    return length
  }

  mutating func storeShortLength(_ length: Int) throws(WireError) {
    if isFlexible { return try storeLength(length) }
    guard let short = Int16(exactly: length) else { throw failure(.tooLong, at: position) }
    store(short)
  }

  mutating func storeLength(_ length: Int) throws(WireError) {
    guard let word = Int32(exactly: length) else { throw failure(.tooLong, at: position) }
    if isFlexible { storeVarint(UInt32(bitPattern: word) &+ 1) } else { store(word) }
  }

  private mutating func loadString() throws(WireError) -> String? {
    let length = try loadShortLength()
    if length < 0 { return nil }
    let start = try take(length)
    let bytes = UnsafeRawBufferPointer(start: base + start, count: length)
    // Measured 50 ns faster per string than `String(validating:as:)`, which is generic at run time.
    guard let text = try? UTF8Span(validating: bytes.assumingMemoryBound(to: UInt8.self).span) else {
      throw failure(.invalidUTF8, at: start)
    }
    let string = String(copying: text)
    return string
  }

  private mutating func storeString(_ string: String) throws(WireError) {
    try storeShortLength(string.utf8.count)
    let stored: Void? = string.utf8.withContiguousStorageIfAvailable {
      store(contentsOf: UnsafeRawBufferPointer($0))
    }
    if stored == nil { Array(string.utf8).withUnsafeBytes { store(contentsOf: $0) } }
  }

  private mutating func loadRange() throws(WireError) -> Range<Int>? {
    let length = try loadLength()
    if length < 0 { return nil }
    let start = try take(length)
    return start..<start &+ length
  }

  private func copy(_ range: Range<Int>) -> [UInt8] {
    [UInt8](UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  private mutating func storeBytes(_ bytes: [UInt8]) throws(WireError) {
    try storeLength(bytes.count)
    bytes.withUnsafeBytes { store(contentsOf: $0) }
  }
}
