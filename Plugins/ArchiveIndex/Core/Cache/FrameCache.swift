import ArchiveFormat
import TierKit

/// A decompressed frame whose batches were checked: memory that answers lend to the host.
final class DecodedFrame: Sendable {
  private let memory: OwnedBytes
  /// In offset order; at least one.
  let batches: [FrameBatch]

  /// Decompresses frame `index` from its bytes in the object. Throws `corrupt`.
  init<Source>(
    _ reader: borrowing ArchiveReader<Source>, _ index: Int, _ bytes: UnsafeRawBufferPointer
  ) throws(ArchiveError) {
    memory = OwnedBytes(byteCount: reader.footer.frames[index].rawByteCount)
    batches = try reader.decode(
      frame: index, bytes, into: UnsafeMutableRawBufferPointer(start: memory.base, count: memory.byteCount))
  }

  var byteCount: Int { memory.byteCount }

  /// The bytes of neighbouring batches.
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory.bytes[range]) }
}

/// Decompressed frames, the most recently used ones: consumers come for the same frame once per fetch, and several
/// consumers come for the same frames. Thread-safe, never blocks.
package final class FrameCache: Sendable {
  private struct Key: Hashable {
    var name: ObjectName
    var frame: Int
  }

  private struct State {
    var frames = RecencyList<Key, DecodedFrame>()
    var byteCount = 0
    /// What the host was told.
    var accounted = 0
  }

  private let host: HostServices
  private let state = Guarded(State())

  init(host: HostServices) { self.host = host }

  func frame(_ name: ObjectName, _ index: Int) -> DecodedFrame? {
    state.withLock { $0.frames.use(Key(name: name, frame: index)) }
  }

  func insert(_ frame: DecodedFrame, _ name: ObjectName, _ index: Int) {
    guard frame.byteCount <= Limits.frameCacheByteCount / 4 else { return }
    account { state in
      if let old = state.frames.insert(frame, for: Key(name: name, frame: index)) { state.byteCount -= old.byteCount }
      state.byteCount += frame.byteCount
      while state.byteCount > Limits.frameCacheByteCount, let (_, old) = state.frames.removeOldest() {
        state.byteCount -= old.byteCount
      }
    }
  }

  func removeAll() {
    account { state in
      state.frames = RecencyList()
      state.byteCount = 0
    }
  }

  private func account(_ change: (inout State) -> Void) {
    let delta = state.withLock { state in
      change(&state)
      defer { state.accounted = state.byteCount }
      return state.byteCount - state.accounted
    }
    if delta != 0 { host.accountMemory(Int64(delta)) }
  }
}
