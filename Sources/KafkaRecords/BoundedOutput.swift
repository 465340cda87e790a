/// Where a decoder writes: memory that doubles as output arrives and stops at a limit.
///
/// A streaming decoder is offered one byte beyond the limit, because only a decoder that uses it has really exceeded
/// the limit: a stream of exactly `limit` bytes may still have a checksum to read.
struct BoundedOutput: ~Copyable {
  private var memory: UnsafeMutableRawBufferPointer
  private var used = 0
  private let limit: Int

  static let initialByteCount = 4096

  /// `compressedByteCount` is the size of the input, the only size known to be real.
  init(limit: Int, compressedByteCount: Int) {
    self.limit = limit
    let ceiling = limit == .max ? limit : limit + 1
    let guess = max(Self.initialByteCount, compressedByteCount * 4)
    memory = .allocate(byteCount: min(ceiling, guess), alignment: 1)
  }

  deinit { memory.deallocate() }

  /// Hands `body` at least one byte of free memory; `body` returns how many bytes it wrote from the start, and so does
  /// this.
  mutating func write(
    _ body: (UnsafeMutableRawBufferPointer) throws(RecordBatchError) -> Int
  ) throws(RecordBatchError) -> Int {
    if used == memory.count {
      guard used <= limit else { throw .decompressedTooLarge(limit: limit) }
      grow(by: min(max(memory.count, Self.initialByteCount), limit - used + 1))
    }
    let written = try body(UnsafeMutableRawBufferPointer(rebasing: memory[used...]))
    precondition(written >= 0 && written <= memory.count - used, "decoder wrote outside its memory")
    used += written
    guard used <= limit else { throw .decompressedTooLarge(limit: limit) }
    return written
  }

  private mutating func grow(by byteCount: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: memory.count + byteCount, alignment: 1)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<used]))
    memory.deallocate()
    memory = larger
  }

  /// A copy of what was written, exactly as large as it needs to be.
  consuming func finish() -> [UInt8] {
    [UInt8](UnsafeRawBufferPointer(rebasing: memory[..<used]))
  }
}
