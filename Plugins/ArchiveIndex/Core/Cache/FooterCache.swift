import ArchiveFormat
import TierKit

/// What a reader needs to know of an object before it reads from it.
struct LoadedFooter: Sendable {
  var footer: Footer
  var keyFilter: KeyFilter?

  /// About as many bytes as it takes in memory.
  var cost: Int {
    footer.frames.count * 56 + footer.termIndex.blocks.count * 80 + footer.hotByteCount + 1024
  }
}

/// Footers: in memory, else on local disk, else from the store with one read. Each is fetched once, however many ask.
///
/// Thread-safe. A footer is checked against its object's name before anybody sees it.
package final class FooterCache: Sendable {
  private struct State {
    var loaded = RecencyList<ObjectName, LoadedFooter>()
    var cost = 0
    var loading: Set<ObjectName> = []
    /// Bytes of the files on disk, by use.
    var files = RecencyList<String, Int>()
    var fileByteCount = 0
  }

  private let access: StoreAccess
  private let directory: CacheDirectory?
  private let fileByteCountMax: Int
  private let host: HostServices
  private let state = Guarded(State())

  init(_ access: StoreAccess, directory: CacheDirectory?, byteCountMax: Int, host: HostServices) {
    self.access = access
    self.directory = directory
    fileByteCountMax = byteCountMax
    self.host = host
  }

  /// The footer if it is in memory. Does not block.
  func ifLoaded(_ name: ObjectName) -> LoadedFooter? { state.withLock { $0.loaded.use(name) } }

  /// Blocks. Throws what the store throws, or `corrupt`. `store` is this cache's unless said otherwise.
  func load(
    _ object: IndexedObject, _ call: StoreCall, in store: StoreAccess? = nil
  ) throws(TierError) -> LoadedFooter {
    let known = try state.wait(call, host) { state -> LoadedFooter?? in
      if let known = state.loaded.use(object.name) { return known }
      guard state.loading.insert(object.name).inserted else { return nil }
      return .some(nil)
    }
    if let known { return known }
    defer { state.change { _ = $0.loading.remove(object.name) } }
    if let kept = loadFile(object) {
      insert(kept, object.name)
      return kept
    }
    let loaded: LoadedFooter
    let tail: [UInt8]
    do throws(TierError) {
      (loaded, tail) = try fetch(object, call, store ?? access)
    } catch {
      guard error.code == .corrupt else { throw error }
      // Bytes may have been damaged on their way.
      (loaded, tail) = try fetch(object, call, store ?? access)
    }
    keep(tail, object.name)
    insert(loaded, object.name)
    return loaded
  }

  /// Adds the footer of an object that was just made.
  func insert(_ footer: LoadedFooter, _ name: ObjectName) {
    state.withLock { state in
      if let old = state.loaded.insert(footer, for: name) { state.cost -= old.cost }
      state.cost += footer.cost
      while state.cost > Limits.footerCacheByteCount, state.loaded.count > 1 {
        state.cost -= state.loaded.removeOldest()?.value.cost ?? 0
      }
    }
  }

  /// Forgets everything about an object that is gone, or that is not what the footer says.
  func drop(_ name: ObjectName) {
    state.withLock { state in
      if let old = state.loaded.remove(name) { state.cost -= old.cost }
    }
    guard let file = file(name) else { return }
    state.withLock { state in
      if let byteCount = state.files.remove(file) { state.fileByteCount -= byteCount }
    }
    directory?.remove(file)
  }

  private func fetch(
    _ object: IndexedObject, _ call: StoreCall, _ access: StoreAccess
  ) throws(TierError) -> (LoadedFooter, [UInt8]) {
    try reading(object.key) {
      let recorder = TailRecorder(
        StoreSource(key: object.key, byteCount: Int(object.byteCount), access: access, call: call))
      let reader = try ArchiveReader(
        opening: recorder, objectByteCount: Int(object.byteCount), hotByteCount: object.name.hotByteCount)
      return (try Self.check(reader.footer, reader.keyFilter, object.name), recorder.tail)
    }
  }

  private static func check(_ footer: Footer, _ filter: KeyFilter?, _ name: ObjectName) throws -> LoadedFooter {
    guard footer.identity.topicID == name.topicID, footer.identity.partition == name.partition,
      footer.range.baseOffset == name.baseOffset, footer.range.nextOffset == name.lastOffset + 1
    else { throw ArchiveError.corrupt(.footer, position: footer.position) }
    return LoadedFooter(footer: footer, keyFilter: filter)
  }

  // MARK: on disk

  private func file(_ name: ObjectName) -> String? { directory?.file(name, CacheDirectory.tailSuffix) }

  /// Finds the files of an earlier run.
  func start() {
    guard let directory else { return }
    for name in directory.names() where name.hasSuffix(CacheDirectory.tailSuffix) {
      let file = "\(directory.path)/\(name)"
      if let byteCount = directory.byteCount(file) { note(byteCount, file) }
    }
  }

  private func loadFile(_ object: IndexedObject) -> LoadedFooter? {
    guard let directory, let file = file(object.name), let tail = directory.load(file) else { return nil }
    do {
      let reader = try ArchiveReader(
        opening: TailSource(bytes: tail, objectByteCount: Int(object.byteCount)),
        objectByteCount: Int(object.byteCount), hotByteCount: tail.count)
      let footer = try Self.check(reader.footer, reader.keyFilter, object.name)
      note(tail.count, file)
      return footer
    } catch {
      // Torn by a crash or rotten: the store has it.
      drop(object.name)
      return nil
    }
  }

  /// Keeps the end of an object on disk.
  func keep(_ tail: [UInt8], _ name: ObjectName) {
    guard let directory, let file = file(name), !tail.isEmpty, tail.count <= Limits.tailFileByteCountMax,
      directory.save(file, tail)
    else { return }
    note(tail.count, file)
  }

  private func note(_ byteCount: Int, _ file: String) {
    let gone = state.withLock { state -> [String] in
      state.fileByteCount += byteCount - (state.files.insert(byteCount, for: file) ?? 0)
      var gone: [String] = []
      while state.fileByteCount > fileByteCountMax, let (old, count) = state.files.removeOldest() {
        state.fileByteCount -= count
        gone.append(old)
      }
      return gone
    }
    for file in gone { directory?.remove(file) }
  }
}

/// Remembers what was read, which for an object being opened is its end.
private final class TailRecorder: RangeSource {
  private let base: StoreSource
  private var start: Int
  private(set) var tail: [UInt8] = []

  init(_ base: StoreSource) {
    self.base = base
    start = base.byteCount
  }

  func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    let answers = try base.read(ranges)
    for (range, bytes) in zip(ranges, answers) where range.upperBound == start {
      tail = bytes + tail
      start = range.lowerBound
    }
    return answers
  }
}
