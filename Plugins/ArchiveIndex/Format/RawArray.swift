/// Plain numbers in memory that grows by moving pages. For the index under construction, where millions are appended
/// and bounds are known: access through `base` is not checked.
struct RawArray<Element: BitwiseCopyable>: ~Copyable {
  /// The first element, at the start of a cache line.
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private var capacity: Int
  private var memory: UnsafeMutableRawPointer

  private static var lineByteCount: Int { 64 }

  init(capacity: Int) {
    self.capacity = max(capacity, 16)
    memory = RawMemory.allocate(self.capacity * MemoryLayout<Element>.stride + Self.lineByteCount)
    base = (memory + Self.gap(memory)).assumingMemoryBound(to: Element.self)
  }

  /// `count` elements, all `value`.
  init(repeating value: Element, count: Int) {
    self.init(capacity: count)
    base.initialize(repeating: value, count: count)
    self.count = count
  }

  /// `count` elements that are written before they are read.
  init(uninitializedCount count: Int) {
    self.init(capacity: count)
    self.count = count
  }

  deinit { RawMemory.release(memory) }

  /// Bytes from `memory` to the next cache line.
  private static func gap(_ memory: UnsafeMutableRawPointer) -> Int {
    (lineByteCount - Int(bitPattern: memory) % lineByteCount) % lineByteCount
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    if count == capacity { grow() }
    base[count] = element
    count += 1
  }

  @inline(never)
  private mutating func grow() {
    capacity += capacity / 2 + 16
    let before = Self.gap(memory)
    memory = RawMemory.resize(memory, to: capacity * MemoryLayout<Element>.stride + Self.lineByteCount)
    let after = Self.gap(memory)
    if before != after {
      (memory + after).copyMemory(from: memory + before, byteCount: count * MemoryLayout<Element>.stride)
    }
    base = (memory + after).assumingMemoryBound(to: Element.self)
  }

  /// Makes room for `elementCount` more elements, which `base` may then be written at before `commit` counts them.
  @inline(__always)
  mutating func reserve(_ elementCount: Int) {
    while capacity - count < elementCount { grow() }
  }

  @inline(__always)
  mutating func commit(_ elementCount: Int) { count += elementCount }

  /// Drops what lies behind the first `newCount` elements.
  mutating func truncate(to newCount: Int) {
    precondition(newCount <= count)
    count = newCount
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` that throws what `body` throws and nothing wider.
  @inline(__always)
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (bytes) throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
  }
}
