import ArchiveFormat
import Glibc
import Synchronization
import TierKit

/// Parts of objects on local disk: for each object a sparse file with the object's own offsets, and which of its pages
/// are there. Missing pages are fetched once, however many ask for them; whole files go, least recently used first,
/// when there is more than the bound.
///
/// Thread-safe; reads block for the store and for the disk. A store's failure is an error of the read, a disk's failure
/// only sends the read past the cache. What is read was not checked: units of the format have their own checksums, and
/// who finds one wrong calls `drop` and asks once more.
package final class ChunkCache: Sendable {
  private struct File {
    let descriptor: Int32
    let path: String
    var pages: PageMap
    /// Pages that somebody is fetching.
    var inFlight: [Range<Int>] = []
    /// Readers inside the file; it is not closed meanwhile.
    var userCount = 0
  }

  private struct State {
    var files = RecencyList<ObjectName, Box>()
    var pageCount = 0
    /// Files made so far; each has a number in its name, because one that goes may still have the object's.
    var fileCount = 0
  }

  /// Guarded by the cache's lock, except for what never changes.
  private final class Box: @unchecked Sendable {
    var file: File
    let descriptor: Int32
    let objectByteCount: Int64
    private let empty: PageMap

    init(_ file: File, objectByteCount: Int64) {
      self.file = file
      self.objectByteCount = objectByteCount
      descriptor = file.descriptor
      empty = file.pages
    }

    func byteRange(_ pages: Range<Int>) -> Range<Int> { empty.bytes(pages) }
  }

  private let access: StoreAccess
  private let directory: CacheDirectory?
  private let pageCountMax: Int
  private let host: HostServices
  /// Held for memory only: no file is opened or removed meanwhile.
  private let state = Guarded(State())
  private let isUsable = Atomic(false)

  init(_ access: StoreAccess, directory: CacheDirectory?, byteCountMax: Int, host: HostServices) {
    self.access = access
    self.directory = directory
    pageCountMax = max(1, byteCountMax / Limits.pageByteCount)
    self.host = host
  }

  /// Does not block.
  var isEnabled: Bool { isUsable.load(ordering: .acquiring) }
  package var byteCount: Int { state.withLock { $0.pageCount * Limits.pageByteCount } }

  func start() {
    guard let directory else { return }
    let isUsable = directory.prepare()
    if !isUsable {
      host.log(.warning, "The cache directory cannot be used; objects are read without it.", [("path", directory.path)])
    }
    self.isUsable.store(isUsable, ordering: .releasing)
  }

  /// Removes everything. Nobody reads any more.
  func stop() {
    isUsable.store(false, ordering: .releasing)
    let gone = state.withLock { state in
      var gone: [File] = []
      while let (_, box) = state.files.removeOldest() { gone.append(box.file) }
      state.pageCount = 0
      return gone
    }
    for file in gone { close(file) }
  }

  private func close(_ file: File) {
    unlink(file.path)
    Glibc.close(file.descriptor)
  }

  // MARK: reading

  /// The bytes of the ranges. At most one request to the store at a time for each of them.
  func read(_ object: IndexedObject, _ ranges: [Range<Int>], _ call: StoreCall) throws(TierError) -> [[UInt8]] {
    guard let box = try enter(object, ranges, isReadAhead: false, call) else {
      return try access.read(object.key, ranges, objectByteCount: Int(object.byteCount), call).map { Array($0.bytes) }
    }
    defer { leave(object.name, box) }
    var result: [[UInt8]] = []
    for range in ranges {
      if let bytes = load(range, box.descriptor) {
        result.append(bytes)
      } else {
        result += try access.read(object.key, [range], objectByteCount: Int(object.byteCount), call).map {
          Array($0.bytes)
        }
      }
    }
    return result
  }

  /// Fetches what is missing of the ranges and nobody is fetching. False when readers need the store's places
  /// themselves, or without a cache.
  func prefetch(_ object: IndexedObject, _ ranges: [Range<Int>], _ call: StoreCall) throws(TierError) -> Bool {
    guard let box = try enter(object, ranges, isReadAhead: true, call) else { return false }
    leave(object.name, box)
    return true
  }

  /// Forgets the pages of the range, or of the whole object, because what they held was not what the writer wrote.
  func drop(_ name: ObjectName, _ range: Range<Int>? = nil) {
    state.withLock { state in
      guard let box = state.files.use(name) else { return }
      let before = box.file.pages.presentCount
      let pages = range.map(PageMap.pages) ?? 0..<box.file.pages.pageCount
      box.file.pages.remove(pages.clamped(to: 0..<box.file.pages.pageCount))
      state.pageCount -= before - box.file.pages.presentCount
    }
  }

  private struct Entered {
    let box: Box
    let descriptor: Int32
  }

  /// Makes every page of the ranges present and keeps the file open until `leave`. Nil: past the cache.
  private func enter(
    _ object: IndexedObject, _ ranges: [Range<Int>], isReadAhead: Bool, _ call: StoreCall
  ) throws(TierError) -> Entered? {
    guard let box = open(object) else { return nil }
    let descriptor = box.descriptor
    do throws(TierError) {
      while let claimed = try claim(box, ranges, waits: !isReadAhead, call) {
        guard try fetch(object, claimed, box, isReadAhead: isReadAhead, call) else {
          leave(object.name, Entered(box: box, descriptor: descriptor))
          return nil
        }
      }
      return Entered(box: box, descriptor: descriptor)
    } catch {
      leave(object.name, Entered(box: box, descriptor: descriptor))
      throw error
    }
  }

  /// The file of an object, with one more user.
  private func open(_ object: IndexedObject) -> Box? {
    guard isEnabled, let directory else { return nil }
    let (known, number) = state.withLock { state in
      state.fileCount += 1
      return (use(object, &state), state.fileCount)
    }
    if let known { return known.box }
    let path = directory.file(object.name, "-\(number)" + CacheDirectory.partSuffix)
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return nil }
    let file = File(
      descriptor: descriptor, path: path, pages: PageMap(objectByteCount: Int(object.byteCount)), userCount: 1)
    let own = Box(file, objectByteCount: object.byteCount)
    let winner = state.withLock { state in
      if let known = use(object, &state) { return known }
      state.files.insert(own, for: object.name)
      return Known(box: own)
    }
    // Somebody else opened one meanwhile.
    if winner.box !== own { close(file) }
    return winner.box
  }

  private struct Known {
    /// Nil: read past the cache.
    let box: Box?
  }

  /// The open file of an object, with one more user; nil when there is none. Called with the lock held.
  private func use(_ object: IndexedObject, _ state: inout State) -> Known? {
    guard let box = state.files.use(object.name) else { return nil }
    // An object of the same name and another size was put there behind our back: it is read past the cache.
    guard box.objectByteCount == object.byteCount else { return Known(box: nil) }
    box.file.userCount += 1
    return Known(box: box)
  }

  /// Pages to fetch, marked as being fetched; nil when there is nothing to do. Waits while others fetch what is wanted,
  /// as long as the call may last, unless `waits` is false.
  private func claim(
    _ box: Box, _ ranges: [Range<Int>], waits: Bool, _ call: StoreCall
  ) throws(TierError) -> [Range<Int>]? {
    try state.wait(call, host) { state -> [Range<Int>]?? in
      let missing = box.file.pages.missing(ranges)
      let own = missing.flatMap { pages in
        box.file.inFlight.reduce([pages]) { rest, taken in rest.flatMap { $0.without(taken) } }
      }
      if own.isEmpty { return missing.isEmpty || !waits ? .some(nil) : nil }
      // Joining may take in pages that are present or under way; fetching those twice is harmless.
      let claimed = PageMap.merged(own.sorted { $0.lowerBound < $1.lowerBound })
      box.file.inFlight += claimed
      return claimed
    }
  }

  /// False when the local disk took nothing, or when a read-ahead would have had to wait; the pages are then free for
  /// others to claim.
  private func fetch(
    _ object: IndexedObject, _ claimed: [Range<Int>], _ box: Box, isReadAhead: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    var written: [Range<Int>] = []
    defer {
      state.change { state in
        for pages in claimed { box.file.inFlight.remove(at: box.file.inFlight.firstIndex(of: pages)!) }
        let before = box.file.pages.presentCount
        for pages in written { box.file.pages.insert(pages) }
        state.pageCount += box.file.pages.presentCount - before
      }
    }
    let ranges = claimed.map { box.byteRange($0) }
    let size = Int(object.byteCount)
    let parts =
      isReadAhead
      ? try access.readAhead(object.key, ranges, objectByteCount: size, call)
      : try access.read(object.key, ranges, objectByteCount: size, call)
    guard let parts else { return false }
    host.addToCounter("store_bytes_read", Int64(ranges.reduce(0) { $0 + $1.count }))
    for (pages, (range, part)) in zip(claimed, zip(ranges, parts)) {
      guard pwrite(box.descriptor, part.base, part.byteCount, off_t(range.lowerBound)) == part.byteCount else {
        return false
      }
      written.append(pages)
    }
    return true
  }

  private func load(_ range: Range<Int>, _ descriptor: Int32) -> [UInt8]? {
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      count = 0
      while count < range.count {
        let size = pread(descriptor, buffer.baseAddress! + count, range.count - count, off_t(range.lowerBound + count))
        if size < 0, errno == EINTR { continue }
        if size <= 0 { return }
        count += size
      }
    }
    return bytes.count == range.count ? bytes : nil
  }

  private func leave(_ name: ObjectName, _ entered: Entered) {
    let gone = state.withLock { state in
      var gone: [File] = []
      entered.box.file.userCount -= 1
      while state.pageCount > pageCountMax || state.files.count > Limits.cachedFilesMax {
        guard let (_, box) = state.files.removeOldest(where: { $0.file.userCount == 0 }) else { break }
        state.pageCount -= box.file.pages.presentCount
        gone.append(box.file)
      }
      return gone
    }
    for file in gone { close(file) }
  }
}

extension Range<Int> {
  /// What of this range is not in `other`.
  fileprivate func without(_ other: Range<Int>) -> [Range<Int>] {
    guard overlaps(other) else { return [self] }
    var rest: [Range<Int>] = []
    if lowerBound < other.lowerBound { rest.append(lowerBound..<other.lowerBound) }
    if other.upperBound < upperBound { rest.append(other.upperBound..<upperBound) }
    return rest
  }
}
