/// Reads or writes the fields of one message, one call per field, in wire order.
///
/// Each message lists its fields once, in `transcode(_:)`; whether a call reads into the value or writes it out is a
/// property of the coder. When writing, no value is changed.
///
/// Reading goes over a borrowed frame: the memory must stay valid and unchanged for the life of the coder. Whatever the
/// bytes are, reading ends in a value or a `WireError`; no length from the frame is trusted before it was compared with
/// the bytes left. Writing goes into memory that the coder owns and that grows as needed.
///
/// After a throw the coder is of no further use. Not thread-safe. The type is concrete and its calls are small on
/// purpose: a generic coder measured 20 times slower.
public struct FieldCoder: ~Copyable {
  /// Version of the message whose fields are transcoded.
  public let version: Int16
  /// Whether this version has compact lengths and tagged fields.
  public let isFlexible: Bool
  public let isReading: Bool

  /// Reading: index into the frame of the next byte. Writing: count of bytes written.
  public internal(set) var position: Int
  /// Reading: end of the frame or of the enclosing tagged field. Writing: capacity of `base`.
  var limit: Int
  /// Reading: the borrowed frame, never written to. Writing: owned memory.
  var base: UnsafeMutableRawPointer
  /// Reading: elements that the arrays of this message may still have; see ``elementCountMax``.
  var elementsLeft = FieldCoder.elementCountMax
  /// Writing: one entry per non-null `records` field so far.
  public internal(set) var splices: [Splice] = []

  /// Elements that one message may have in all its arrays together, arrays of numbers aside. An element can be a byte
  /// on the wire and a hundred in memory, so a frame of 100 MiB could otherwise become 10 GiB. It is a request for
  /// every partition of a cluster larger than any that Kafka supports.
  public static let elementCountMax = 1 << 18

  /// Reads from `frame` starting at index `position`, to the end of `frame`.
  public init(
    reading frame: UnsafeRawBufferPointer, at position: Int = 0, version: Int16, isFlexible: Bool
  ) {
    precondition(position >= 0 && position <= frame.count, "reading starts outside the frame")
    self.version = version
    self.isFlexible = isFlexible
    self.isReading = true
    self.position = position
    self.limit = frame.count
    // An empty frame may have no address; the limit keeps the substitute from being read.
    self.base = frame.baseAddress.map(UnsafeMutableRawPointer.init(mutating:)) ?? .init(bitPattern: 1)!
  }

  /// Writes into memory of its own; `capacity` is the byte count expected, a hint.
  public init(writing version: Int16, isFlexible: Bool, capacity: Int = 256) {
    self.version = version
    self.isFlexible = isFlexible
    self.isReading = false
    self.position = 0
    self.limit = max(capacity, 16)
    self.base = .allocate(byteCount: max(capacity, 16), alignment: 16)
  }

  deinit {
    if !isReading { base.deallocate() }
  }

  /// Reading: bytes between here and the end of the frame (or of the enclosing tagged field).
  public var remaining: Int { limit &- position }

  /// Writing: what has been written so far; valid within `body` only.
  public borrowing func withWrittenBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(!isReading, "a reading coder has written nothing")
    return try body(UnsafeRawBufferPointer(start: base, count: position))
  }
}

// MARK: - The cursor under all fields

extension FieldCoder {
  @inline(never)
  func failure(_ problem: WireError.Problem, at position: Int) -> WireError {
    WireError(problem, position: position, version: version)
  }

  /// Takes `count` bytes and returns the index of the first.
  @inline(__always)
  mutating func take(_ count: Int) throws(WireError) -> Int {
    let start = position
    guard count <= limit &- start else { throw failure(.truncated, at: start) }
    position = start &+ count
    return start
  }

  @inline(__always)
  mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) throws(WireError) -> Value {
    let start = try take(MemoryLayout<Value>.size)
    return Value(bigEndian: base.loadUnaligned(fromByteOffset: start, as: Value.self))
  }

  @inline(__always)
  mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    reserve(MemoryLayout<Value>.size)
    base.storeBytes(of: value.bigEndian, toByteOffset: position, as: Value.self)
    position &+= MemoryLayout<Value>.size
  }

  mutating func store(contentsOf bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    (base + position).copyMemory(from: source, byteCount: bytes.count)
    position &+= bytes.count
  }

  /// Makes room for `count` more bytes to write.
  @inline(__always)
  mutating func reserve(_ count: Int) {
    if count > limit &- position { grow(count) }
  }

  @inline(never)
  private mutating func grow(_ count: Int) {
    let capacity = max(limit * 2, position + count)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: base, byteCount: position)
    base.deallocate()
    base = larger
    limit = capacity
  }

  /// Unsigned LEB128 of at most 32 bits.
  @inline(__always)
  mutating func loadVarint() throws(WireError) -> UInt32 {
    let first = try load(UInt8.self)
    return first < 0x80 ? UInt32(first) : try loadLongVarint(first)
  }

  @inline(never)
  private mutating func loadLongVarint(_ first: UInt8) throws(WireError) -> UInt32 {
    let start = position &- 1
    var value = UInt32(first & 0x7F)
    for shift: UInt32 in [7, 14, 21, 28] {
      let byte = try load(UInt8.self)
      if shift == 28 && byte > 0x0F { break }
      value |= UInt32(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw failure(.varintTooLong, at: start)
  }

  mutating func storeVarint(_ value: UInt32) {
    var rest = value
    while rest >= 0x80 {
      store(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    store(UInt8(rest))
  }
}
