import TierAPI
import TierKit

@testable import ArchiveIndexCore

/// An object store in memory, stricter than real ones: it refuses illegal keys and ranges, pages its listings, counts
/// everything and fails where it is told to.
final class MemoryStore: ObjectStore, @unchecked Sendable {
  enum Operation: Hashable { case put, read, head, list, remove }

  enum Effect {
    /// Nothing is done.
    case refuses(TierError.Code)
    /// It is done, but the caller hears of a failure.
    case losesAnswer
    /// A read answers with a flipped bit.
    case damages
    /// As `damages`, and which bit: counted from the first of every range, round and round.
    case flips(Int)
    /// A put writes half and is believed.
    case tears
    /// A listing answers with a page that has nothing, and says that there is more.
    case hidesPage
  }

  struct Fault {
    var operation: Operation
    var effect: Effect
    var keyContains = ""
    var skip = 0
    var count = 1
  }

  private struct State {
    var objects: [String: [UInt8]] = [:] { didSet { sorted = nil } }
    /// The keys in the order of a listing; nil when it has to be made again.
    var sorted: [String]?
    var calls: [Operation: Int] = [:]
    var ranges = 0
    var bytesRead = 0
    var faults: [Fault] = []
    var isDown = false
  }

  private let state = Guarded(State())
  /// Names that one LIST answers at most.
  let page: Int

  init(page: Int = 3) { self.page = page }

  // MARK: looking and damaging, for tests

  /// Of everything but the store's identity, which calls and faults leave out as well unless they name it.
  var keys: [String] { state.withLock { $0.objects.keys.filter { $0 != StoreIdentity.key }.sorted() } }
  subscript(key: String) -> [UInt8]? {
    get { state.withLock { $0.objects[key] } }
    set { state.withLock { $0.objects[key] = newValue } }
  }
  var objects: [String: [UInt8]] {
    get { state.withLock { $0.objects } }
    set { state.withLock { $0.objects = newValue } }
  }
  func calls(_ operation: Operation) -> Int { state.withLock { $0.calls[operation] ?? 0 } }
  var bytesRead: Int { state.withLock { $0.bytesRead } }
  func resetCounts() {
    state.withLock { state in
      state.calls = [:]
      state.bytesRead = 0
    }
  }
  func fail(_ operation: Operation, _ effect: Effect, key: String = "", skip: Int = 0, count: Int = 1) {
    state.withLock {
      $0.faults.append(Fault(operation: operation, effect: effect, keyContains: key, skip: skip, count: count))
    }
  }
  func repair() { state.withLock { $0.faults = [] } }
  var isDown: Bool {
    get { state.withLock { $0.isDown } }
    set { state.withLock { $0.isDown = newValue } }
  }

  private let emptied = Guarded(false)

  /// Waits until the last object was removed; false when that takes absurdly long.
  func waitUntilEmpty() -> Bool { emptied.wait(nanoseconds: 60_000_000_000) { $0 ? true : nil } ?? false }

  private let removing = Guarded<(@Sendable ([String]) -> Void)?>(nil)

  /// Calls `body` with the keys whenever some are to be removed, before they are.
  func beforeRemoving(_ body: (@Sendable ([String]) -> Void)?) { removing.withLock { $0 = body } }

  private let putting = Guarded<(@Sendable (String) -> Void)?>(nil)

  /// Calls `body` with the key whenever an object is to be put, before it is.
  func beforePutting(_ body: (@Sendable (String) -> Void)?) { putting.withLock { $0 = body } }

  private let holding = Guarded((isHeld: false, waitingCount: 0))

  /// While true, no read ends.
  func holdReads(_ isHeld: Bool) { holding.change { $0.isHeld = isHeld } }

  /// Waits until so many reads are being held; false when that takes absurdly long.
  func waitUntilHeld(_ count: Int) -> Bool {
    holding.wait(nanoseconds: 60_000_000_000) { $0.waitingCount == count ? true : nil } ?? false
  }

  // MARK: the store

  private func enter(_ operation: Operation, _ key: String, _ state: inout State) throws(TierError) -> Effect? {
    if state.isDown { throw TierError(.retriable, "the store is down") }
    let isIdentity = key == StoreIdentity.key
    if !isIdentity { state.calls[operation, default: 0] += 1 }
    for index in state.faults.indices
    where state.faults[index].operation == operation
      && ((state.faults[index].keyContains.isEmpty && !isIdentity) || key.contains(state.faults[index].keyContains))
    {
      if state.faults[index].skip > 0 {
        state.faults[index].skip -= 1
      } else if state.faults[index].count > 0 {
        state.faults[index].count -= 1
        if case .refuses(let code) = state.faults[index].effect { throw TierError(code, "as the test wants it") }
        return state.faults[index].effect
      }
    }
    return nil
  }

  private func check(_ key: String) {
    let isLegal = key.utf8.allSatisfy { byte in
      (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || "_.~-/".utf8.contains(byte)
    }
    precondition(isLegal && !key.isEmpty && key.utf8.count <= 1024, "illegal key \(key)")
  }

  func start(_ call: StoreCall) throws(TierError) {}
  func stop() {}

  func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    check(key)
    putting.withLock { $0 }?(key)
    return try state.withLock { (state) throws(TierError) in
      let effect = try enter(.put, key, &state)
      if ifAbsent, state.objects[key] != nil { return false }
      let bytes = parts.flatMap { Array($0) }
      switch effect {
      case .tears?: state.objects[key] = Array(bytes.prefix(bytes.count / 2))
      case .damages?:
        state.objects[key] = bytes
        state.objects[key]![bytes.count - 60] ^= 0x10
      default: state.objects[key] = bytes
      }
      if case .losesAnswer? = effect { throw TierError(.retriable, "the answer was lost") }
      return true
    }
  }

  func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError) {
    holding.change { $0.waitingCount += 1 }
    holding.wait { $0.isHeld ? nil : () }
    holding.change { $0.waitingCount -= 1 }
    try state.withLock { (state) throws(TierError) in
      let effect = try enter(.read, String(reads[0].key), &state)
      var failure: TierError?
      for index in reads.indices {
        let key = String(reads[index].key)
        state.ranges += 1
        guard let object = state.objects[key] else {
          reads[index].status = CHRONIK_NOT_FOUND
          failure = failure ?? TierError(.notFound, "no object \(key)")
          continue
        }
        let offset = Int(reads[index].offset)
        precondition(reads[index].length >= 1, "an empty read")
        guard offset < object.count else {
          reads[index].status = CHRONIK_PERMANENT
          failure = failure ?? TierError(.permanent, "\(key): beyond the end")
          continue
        }
        let count = min(reads[index].length, object.count - offset)
        object.withUnsafeBufferPointer { source in
          reads[index].buffer.update(from: source.baseAddress! + offset, count: count)
        }
        if case .damages? = effect { reads[index].buffer[count / 2] ^= 0x01 }
        if case .flips(let bit)? = effect { reads[index].buffer[bit / 8 % count] ^= 1 << UInt8(bit % 8) }
        reads[index].received = count
        reads[index].object_byte_count = UInt64(object.count)
        reads[index].status = CHRONIK_OK
        state.bytesRead += count
      }
      if let failure { throw failure }
    }
  }

  func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo? {
    try state.withLock { (state) throws(TierError) in
      _ = try enter(.head, key, &state)
      return state.objects[key].map { ObjectInfo(key: key, byteCount: $0.count) }
    }
  }

  func list(prefix: String, startAfter: String, limit: Int, _ call: StoreCall) throws(TierError) -> ObjectListing {
    try state.withLock { (state) throws(TierError) in
      let effect = try enter(.list, prefix, &state)
      if case .hidesPage? = effect { return ObjectListing(objects: [], hasMore: true) }
      let keys = state.sorted ?? state.objects.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      state.sorted = keys
      let first = keys.partitioningIndex {
        startAfter.utf8.lexicographicallyPrecedes($0.utf8) && !$0.utf8.lexicographicallyPrecedes(prefix.utf8)
      }
      let found = keys[first...].prefix { $0.hasPrefix(prefix) }
      let answered = found.prefix(min(limit, page))
      return ObjectListing(
        objects: answered.map { ObjectInfo(key: $0, byteCount: state.objects[$0]!.count) },
        hasMore: answered.count < found.count)
    }
  }

  func remove(_ keys: [String], _ call: StoreCall) throws(TierError) {
    removing.withLock { $0 }?(keys)
    try state.withLock { (state) throws(TierError) in
      let effect = try enter(.remove, keys.first ?? "", &state)
      for key in keys { state.objects[key] = nil }
      defer { emptied.change { $0 = state.objects.keys.allSatisfy { $0 == StoreIdentity.key } } }
      if case .losesAnswer? = effect { throw TierError(.retriable, "the answer was lost") }
    }
  }
}
