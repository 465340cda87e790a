import Glibc
import Synchronization
import Testing

@testable import Host

@Suite("The bytes of a frame")
struct FrameBufferTests {
  @Test("a size prefix costs a small piece of memory, whatever it says")
  func announced() throws {
    let frame = try #require(FrameBuffer(byteCount: 1 << 30, available: 0))
    #expect(frame.storageByteCount == 65_536 && frame.count == 0 && frame.missing == 1 << 30)
  }

  @Test("memory stays within four times what has arrived, and ends at the frame's size")
  func growth() throws {
    let frame = try #require(FrameBuffer(byteCount: 1_000_000, available: 10))
    var expected: [UInt8] = []
    while frame.missing > 0 {
      let step = expected.count / 7_777
      let piece = (0..<min(frame.missing, 7_777)).map { UInt8(truncatingIfNeeded: $0 &+ step) }
      #expect(piece.withUnsafeBytes { frame.append($0) })
      expected += piece
      #expect(frame.storageByteCount <= max(65_536, 4 * frame.count))
    }
    #expect(frame.isComplete && frame.storageByteCount == 1_000_000)
    #expect(frame.bytes.elementsEqual(expected))
  }

  @Test("memory that cannot be had is told, and what is there stays")
  func exhausted() throws {
    let frame = try #require(FrameBuffer(byteCount: 1 << 60, available: 3))
    #expect([UInt8]([1, 2, 3]).withUnsafeBytes { frame.append($0) })
    // Never read: the broker asks for room first, and nobody has half an exabyte.
    let impossible = UnsafeRawBufferPointer(start: frame.bytes.baseAddress, count: 1 << 59)
    #expect(!frame.append(impossible))
    #expect(frame.bytes.elementsEqual([1, 2, 3]))
  }

  @Test("a frame for whose first bytes there is no memory is not made")
  func refusedAtOnce() {
    var memory = FrameMemory.system
    memory.allocate = { _ in nil }
    #expect(FrameBuffer(byteCount: 100, available: 10, memory: memory) == nil)
  }

  @Test("what is wanted in advance may be refused; what is needed is asked for then")
  func refusedInAdvance() throws {
    let asked = Mutex<[Int]>([])
    var memory = FrameMemory.system
    memory.reallocate = { base, byteCount in
      asked.withLock { $0.append(byteCount) }
      return byteCount > 100_000 ? nil : realloc(base, byteCount)
    }
    let frame = try #require(FrameBuffer(byteCount: 1_000_000, available: 10, memory: memory))
    let piece = [UInt8](repeating: 7, count: 50_000)
    #expect(piece.withUnsafeBytes { frame.append($0) && frame.append($0) })
    #expect(asked.withLock { $0 } == [262_144, 100_000])
    #expect(!piece.withUnsafeBytes { frame.append($0) })
    #expect(frame.bytes.elementsEqual(piece + piece), "what is there stays")
  }
}
