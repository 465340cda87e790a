/// Bytes that grow at the end. Large ones grow by moving pages, not by copying, so an object under construction exists
/// once. Not for use by several threads.
final class ByteOutput {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 4096) {
    self.capacity = max(capacity, 64)
    base = RawMemory.allocate(self.capacity)
  }

  deinit { RawMemory.release(base) }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Makes room for `byteCount` more bytes.
  @inline(__always)
  func reserve(_ byteCount: Int) {
    if capacity - count < byteCount { grow(byteCount) }
  }

  @inline(never)
  private func grow(_ byteCount: Int) {
    capacity = max(capacity + capacity / 2, count + byteCount)
    base = RawMemory.resize(base, to: capacity)
  }

  /// Gives back memory beyond the bytes written.
  func shrink() {
    capacity = max(count, 64)
    base = RawMemory.resize(base, to: capacity)
  }

  func removeAll() { count = 0 }

  /// Lends `body` at least `byteCount` bytes behind the end; `body` returns how many it wrote.
  func append(upTo byteCount: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
    reserve(byteCount)
    let written = body(base + count)
    precondition(written >= 0 && written <= byteCount, "written outside the memory lent")
    count += written
  }

  @inline(__always)
  func append(_ byte: UInt8) {
    reserve(1)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  /// Little-endian.
  func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, as type: T.Type) {
    reserve(MemoryLayout<T>.size)
    base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }

  /// Unsigned LEB128, at most ten bytes.
  @inline(__always)
  func append(vi value: UInt64) {
    reserve(10)
    var rest = value
    while rest >= 0x80 {
      base.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
      rest >>= 7
      count += 1
    }
    base.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
    count += 1
  }

  @inline(__always)
  func append(vi value: Int) {
    precondition(value >= 0)
    append(vi: UInt64(value))
  }

  /// Zigzag, then LEB128.
  func append(zz value: Int64) { append(vi: UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

  /// The same output: one place for "a length, then as many bytes".
  func append(counted bytes: [UInt8]) {
    append(vi: bytes.count)
    append(bytes)
  }
}
