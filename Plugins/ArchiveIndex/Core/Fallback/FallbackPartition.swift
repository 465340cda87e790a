import ArchiveFormat
import TierKit

/// A partition of the fallback. It says that it holds nothing, because what it finds is the archive's.
final class FallbackPartition: TierPartition {
  private let id: PartitionID
  private let initialOffset: Int64
  private let environment: ArchiveEnvironment
  private let negatives = Guarded(NegativeAnswers())

  init(_ id: PartitionID, initialOffset: Int64, environment: ArchiveEnvironment) {
    self.id = id
    self.initialOffset = initialOffset
    self.environment = environment
  }

  var state: PartitionState {
    PartitionState(startOffset: initialOffset, endOffset: initialOffset, durableEndOffset: initialOffset, byteCount: 0)
  }

  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    let index = environment.index.current
    guard request.offset >= (index[id]?.clamp ?? 0), request.offset < .max - 1, !index.pendingPartitions.contains(id)
    else { return .miss }
    let now = environment.host.monotonicNanoseconds
    if negatives.withLock({ $0.isFresh(request.offset, now: now) }) { return .miss }
    if request.nonblocking { return .wouldBlock }
    let repair = try lookUp(request.offset)
    guard let object = repair.object else {
      try apply(repair)
      negatives.withLock { $0.note(request.offset, now: now) }
      return .miss
    }
    // What memory and disk have of it may be what failed.
    environment.forget(object.name)
    var cursor = ReadCursor(request)
    let end = try environment.read(object, &cursor, into: answer, environment.access.call())
    guard end != .wouldBlock else { return .wouldBlock }
    try apply(repair)
    return .ok
  }

  // MARK: finding and repairing

  private struct Repair {
    /// The object that has the offset.
    var object: IndexedObject?
    /// Objects that the store has and the index does not know.
    var unknown: [IndexedObject] = []
    /// Entries whose objects are gone.
    var gone: [IndexedObject] = []
  }

  /// Asks the store for objects that may have the offset and compares them with the index.
  private func lookUp(_ offset: Int64) throws(TierError) -> Repair {
    let known = environment.index[id]
    let directory = ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition)
    let page = try environment.access.page(
      prefix: directory, startAfter: ObjectName.listingStart(directory: directory, offset: offset),
      limit: Limits.fallbackListingPage, environment.access.call())
    var listing = StoreListing()
    listing.add(page.objects)
    var covering: [IndexedObject] = []
    for object in listing.objects.values where object.name.offsets.contains(offset) {
      let isKnown = known?.objects[object.name]?.byteCount == object.byteCount
      let isMisnamed = isKnown ? false : try isMisnamed(object)
      if !isMisnamed { covering.append(object) }
    }
    var repair = Repair()
    repair.object = ObjectCover(covering.map(\.name)).object(for: offset).flatMap { listing.objects[$0] }
    repair.unknown = covering.filter { known?.objects[$0.name]?.byteCount != $0.byteCount }
    // The listing is complete for the offset up to its last name.
    let listedEnd = page.hasMore ? listing.objects.keys.map(\.lastOffset).max() ?? offset - 1 : .max
    for object in known?.objects(in: offset..<offset + 1) ?? []
    where listing.objects[object.name] == nil && object.name.lastOffset <= listedEnd {
      // In another store everything looks gone.
      try environment.identity.confirm()
      // A listing is asked twice before it takes something away.
      if try environment.access.store.head(object.key, environment.access.call()) == nil { repair.gone.append(object) }
    }
    return repair
  }

  /// Such an object leaves the index and is no answer. A damaged one is met by who reads it.
  private func isMisnamed(_ object: IndexedObject) throws(TierError) -> Bool {
    do throws(TierError) {
      // The end that is kept may be of what had the name before.
      environment.forget(object.name)
      let found = try environment.footers.find(object, environment.access.call())
      guard case .misnamed(let footer) = found else { return false }
      _ = environment.misnamed.reject(object, footer)
      return true
    } catch {
      guard error.code == .corrupt || error.code == .notFound else { throw error }
      return false
    }
  }

  private func apply(_ repair: Repair) throws(TierError) {
    guard !repair.unknown.isEmpty || !repair.gone.isEmpty else { return }
    let now = environment.host.wallClockMilliseconds
    let changes = try environment.index.commit { state in
      repair.gone.filter { state[id]?.objects[$0.name] != nil }.map { .lose(LostObject(object: $0, noticedAt: now)) }
        + repair.unknown.filter { object in
          !state.isBeingDeleted(object) && object.name.lastOffset >= state[id]?.clamp ?? 0
        }.map { .add($0) }
    }
    for object in repair.gone { environment.forget(object.name) }
    environment.noteLostObjects()
    negatives.withLock { $0.removeAll() }
    environment.host.addToCounter("index_repairs", Int64(changes.count))
    for object in repair.gone {
      environment.host.log(
        .error, "The store has lost an archived object; its offsets cannot be read until it is back.",
        [("object", object.key)])
    }
    environment.host.log(
      .warning, "The segment index did not agree with the store and was repaired.",
      [
        ("partition", "\(id.topic)-\(id.partition)"), ("added", String(repair.unknown.count)),
        ("removed", String(repair.gone.count)),
      ])
  }
}
