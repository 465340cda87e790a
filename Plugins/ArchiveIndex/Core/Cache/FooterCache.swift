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

/// What reading an object's footer brought.
enum FooterFinding: Sendable {
  case loaded(LoadedFooter)
  /// The footer is whole and that of another object than the name says.
  case misnamed(Footer)
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
  private let misnamed: MisnamedObjects
  private let state = Guarded(State())

  init(
    _ access: StoreAccess, directory: CacheDirectory?, byteCountMax: Int, host: HostServices, misnamed: MisnamedObjects
  ) {
    self.misnamed = misnamed
    self.access = access
    self.directory = directory
    fileByteCountMax = byteCountMax
    self.host = host
  }

  /// The footer if it is in memory. Does not block.
  func ifLoaded(_ name: ObjectName) -> LoadedFooter? { state.withLock { $0.loaded.use(name) } }

  /// Blocks. Throws what the store throws, or `corrupt`; an object that is not the one its name says leaves the index.
  /// `store` is this cache's unless said otherwise.
  func load(
    _ object: IndexedObject, _ call: StoreCall, in store: StoreAccess? = nil
  ) throws(TierError) -> LoadedFooter {
    switch try find(object, call, in: store) {
    case .loaded(let footer): return footer
    case .misnamed(let footer): throw misnamed.reject(object, footer)
    }
  }

  /// As `load`, and leaves to the caller what becomes of an object that is not the one its name says.
  func find(
    _ object: IndexedObject, _ call: StoreCall, in store: StoreAccess? = nil
  ) throws(TierError) -> FooterFinding {
    let known = try state.wait(call, host) { state -> LoadedFooter?? in
      if let known = state.loaded.use(object.name) { return known }
      guard state.loading.insert(object.name).inserted else { return nil }
      return .some(nil)
    }
    if let known { return .loaded(known) }
    defer { state.change { _ = $0.loading.remove(object.name) } }
    if let kept = loadFile(object) {
      insert(kept, object.name)
      return .loaded(kept)
    }
    var found: (footer: LoadedFooter, tail: [UInt8])?
    do throws(TierError) {
      found = try fetch(object, call, store ?? access)
    } catch {
      guard error.code == .corrupt else { throw error }
    }
    // Bytes may have been damaged, or mistaken for others, on their way.
    if found.map({ !object.name.agrees(with: $0.footer.footer) }) ?? true {
      found = try fetch(object, call, store ?? access)
    }
    guard let (loaded, tail) = found else { preconditionFailure("the second attempt ends in an answer or an error") }
    guard object.name.agrees(with: loaded.footer) else { return .misnamed(loaded.footer) }
    keep(tail, object.name)
    insert(loaded, object.name)
    return .loaded(loaded)
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
      return (LoadedFooter(footer: reader.footer, keyFilter: reader.keyFilter), recorder.tail)
    }
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
      guard object.name.agrees(with: reader.footer) else {
        throw ArchiveError.corrupt(.footer, position: reader.footer.position)
      }
      note(tail.count, file)
      return LoadedFooter(footer: reader.footer, keyFilter: reader.keyFilter)
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
