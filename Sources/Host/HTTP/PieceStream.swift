import Dispatch
import NIOCore
import Synchronization

/// Bytes from a thread that may block to a task that must not: a few pieces wait at most, then the thread does.
final class PieceStream: Sendable {
  private static let pieceByteCount = 64 << 10
  private static let waitingMax = 4

  let pieces: AsyncStream<ByteBuffer>
  private let continuation: AsyncStream<ByteBuffer>.Continuation
  /// Begins with nothing and is filled by `init`: one that ends below the value it was made with, as it does when the
  /// reader leaves pieces behind, ends the process.
  private let room = DispatchSemaphore(value: 0)
  private let isAbandoned = Atomic<Bool>(false)

  init() {
    (pieces, continuation) = AsyncStream.makeStream()
    for _ in 0..<Self.waitingMax { room.signal() }
  }

  /// Runs `produce` on the calling thread with a function that takes bytes. Blocks until the reader has room.
  func run(_ produce: ((UnsafeRawBufferPointer) -> Void) -> Void) {
    var pending = ByteBuffer()
    produce { bytes in
      guard !isAbandoned.load(ordering: .acquiring) else { return }
      pending.writeBytes(bytes)
      while pending.readableBytes >= Self.pieceByteCount {
        guard let piece = pending.readSlice(length: Self.pieceByteCount) else { break }
        yield(piece)
      }
      pending.discardReadBytes()
    }
    if pending.readableBytes > 0 { yield(pending) }
    continuation.finish()
  }

  private func yield(_ piece: ByteBuffer) {
    guard !isAbandoned.load(ordering: .acquiring) else { return }
    room.wait()
    continuation.yield(piece)
  }

  /// The reader is done with one piece.
  func took() { room.signal() }

  /// The reader takes no more; the thread goes on without waiting.
  func abandon() {
    isAbandoned.store(true, ordering: .releasing)
    room.signal()
  }
}
