import Synchronization
import TierKit

/// An open file. The descriptor is closed when the last reference goes: those of readers (extents), of the cache and of
/// whoever still has bytes to flush. Removing the file's name does not disturb any of them.
package final class OpenFile: Sendable {
  let descriptor: Int32
  let path: String
  let fileSystem: any FileSystem

  init(_ path: String, _ mode: OpenMode, _ fileSystem: any FileSystem) throws(Errno) {
    self.path = path
    self.fileSystem = fileSystem
    descriptor = try fileSystem.open(path, mode)
  }

  deinit { fileSystem.close(descriptor) }
}

/// A file that is opened when it is needed and whose descriptor the cache may close when it is idle.
///
/// Thread-safe. No lock is held across a system call.
final class FileSlot: Sendable {
  let path: String
  private let cache: DescriptorCache
  private let cached = Guarded<OpenFile?>(nil)
  fileprivate let wasUsed = Atomic<Bool>(false)

  init(_ path: String, _ cache: DescriptorCache) {
    self.path = path
    self.cache = cache
  }

  /// The file if it is open. Does not block.
  func ifOpen() -> OpenFile? {
    let file = cached.withLock { $0 }
    if file != nil { wasUsed.store(true, ordering: .relaxed) }
    return file
  }

  /// The file, opened when it is not. Blocks.
  func file(_ mode: OpenMode = .existing) throws(Errno) -> OpenFile {
    if mode != .replacing, let file = ifOpen() { return file }
    let opened: OpenFile
    do {
      opened = try OpenFile(path, mode, cache.fileSystem)
    } catch {
      // The process has no descriptor left: idle ones make room.
      guard error == .tooManyFiles, cache.shrink() else { throw error }
      opened = try OpenFile(path, mode, cache.fileSystem)
    }
    let (file, isNew) = cached.withLock { current -> (OpenFile, Bool) in
      if mode != .replacing, let current { return (current, false) }
      defer { current = opened }
      return (opened, current == nil)
    }
    wasUsed.store(true, ordering: .relaxed)
    if isNew { cache.noteOpened(self) }
    return file
  }

  /// Lets go of the descriptor; the next use opens the path again.
  @discardableResult func letGo() -> OpenFile? { cached.withLock { $0.take() } }
}

/// Bounds how many idle descriptors stay open: beyond the limit the ones not used lately are closed ("second chance").
/// Files with bytes to flush and files that readers hold are kept open by their holders and do not count.
final class DescriptorCache: Sendable {
  fileprivate struct State {
    var slots: [FileSlot] = []
    var hand = 0
  }

  let fileSystem: any FileSystem
  private let limit: Int
  private let state = Guarded(State())

  init(_ fileSystem: any FileSystem, limit: Int) {
    self.fileSystem = fileSystem
    self.limit = max(1, limit)
  }

  fileprivate func noteOpened(_ slot: FileSlot) {
    let closing = state.withLock { state -> OpenFile? in
      state.slots.append(slot)
      return state.slots.count > limit ? state.evict(keeping: slot) : nil
    }
    _ = closing  // closed here, outside the lock
  }

  /// Closes half of the idle files; false when there are none.
  fileprivate func shrink() -> Bool {
    let closing = state.withLock { state -> [OpenFile] in
      let count = (state.slots.count + 1) / 2
      return (0..<count).compactMap { _ in state.evict(keeping: nil) }
    }
    return !closing.isEmpty
  }

  /// Forgets all slots, so that nothing keeps an instance alive that was stopped.
  func removeAll() {
    let slots = state.withLock { state -> [FileSlot] in
      defer { state = State() }
      return state.slots
    }
    for slot in slots { slot.letGo() }
  }
}

extension DescriptorCache.State {
  /// Takes one slot out and returns its file, if it still had one. At most two rounds.
  fileprivate mutating func evict(keeping newest: FileSlot?) -> OpenFile? {
    for _ in 0..<(2 * slots.count) {
      if hand >= slots.count { hand = 0 }
      let slot = slots[hand]
      if slot === newest || slot.wasUsed.exchange(false, ordering: .relaxed) {
        hand += 1
        continue
      }
      slots.swapAt(hand, slots.count - 1)
      slots.removeLast()
      return slot.letGo()
    }
    return nil
  }
}
