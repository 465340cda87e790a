import NIOCore
import Testing

@testable import Host

@Suite("Pieces from a thread to a task")
struct PieceStreamTests {
  private static let pieceByteCount = 64 << 10

  @Test("a reader who leaves early ends neither the thread nor the process", arguments: 0...3)
  func abandoned(taken: Int) async {
    let pool = BlockingPool(name: "test", threads: 1)
    do {
      let stream = PieceStream()
      pool.run {
        stream.run { write in
          let piece = [UInt8](repeating: 7, count: Self.pieceByteCount)
          for _ in 0..<10 { piece.withUnsafeBytes { write($0) } }
        }
      }
      var pieces = stream.pieces.makeAsyncIterator()
      for _ in 0..<taken {
        #expect(await pieces.next()?.readableBytes == Self.pieceByteCount)
        stream.took()
      }
      // One more is in its hands when it goes.
      #expect(await pieces.next()?.readableBytes == Self.pieceByteCount)
      stream.abandon()
    }
    // Returns when the thread has ended; then nobody has the stream any more.
    pool.stop()
  }

  @Test("everything arrives in order, however slow the reader is")
  func whole() async {
    let pool = BlockingPool(name: "test", threads: 1)
    let stream = PieceStream()
    let all = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    pool.run {
      stream.run { write in
        all.withUnsafeBytes { bytes in
          for start in stride(from: 0, to: bytes.count, by: 999) {
            write(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 999, bytes.count)]))
          }
        }
      }
    }
    var found: [UInt8] = []
    for await piece in stream.pieces {
      found += Array(piece.readableBytesView)
      stream.took()
    }
    pool.stop()
    #expect(found == all)
  }
}
