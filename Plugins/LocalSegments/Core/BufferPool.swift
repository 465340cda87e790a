
/// Large buffers that are used again, because fresh memory of this size costs more than the read it is for.
/// Thread-safe.
final class BufferPool: @unchecked Sendable {
  private let idle = Guarded<[Buffer]>([])

  /// Memory that belongs to one user at a time.
  struct Buffer: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
  }

  deinit { idle.withLock { for buffer in $0 { buffer.bytes.deallocate() } } }

  /// A buffer of `Limits.scanBufferByteCount` bytes with undefined content; give it back with `put`.
  func take() -> Buffer {
    if let buffer = idle.withLock({ $0.popLast() }) { return buffer }
    return Buffer(bytes: .allocate(byteCount: Limits.scanBufferByteCount, alignment: 4096))
  }

  func put(_ buffer: Buffer) {
    let isKept = idle.withLock { list -> Bool in
      guard list.count < Limits.idleBuffersMax else { return false }
      list.append(buffer)
      return true
    }
    if !isKept { buffer.bytes.deallocate() }
  }
}
