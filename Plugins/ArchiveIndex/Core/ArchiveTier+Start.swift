import TierKit

extension ArchiveTier {
  /// Reads the index; rebuilds it from the store when it is missing or damaged. Never starts with less than the store
  /// has: without the store a lost index is an error.
  func openIndex() throws(TierError) {
    let index = environment.index
    let found = try index.load()
    let reason: String
    switch found {
    case .clean: return
    case .torn(let defect):
      host.log(
        .warning, "The segment index ends in a change that was never confirmed; the change was dropped.",
        [("defect", defect)])
      return try compareWithStoreIfReachable()
    case .missing: reason = "missing"
    case .damaged(let defect): reason = defect
    }
    let begin = host.monotonicNanoseconds
    let deadline = begin + Limits.rebuildPatience
    var pause: Int64 = 200_000_000
    while true {
      do throws(TierError) {
        let count = try rebuildFromListing(isIntact: false)
        if count > 0 || found != .missing {
          host.log(
            .warning, "The segment index was rebuilt from the store's listing.",
            [("reason", reason), ("objects", String(count))])
        }
        return
      } catch {
        guard error.code == .retriable || error.code == .throttled, host.monotonicNanoseconds + pause < deadline else {
          throw TierError(
            error.code, "the segment index is \(reason) and the store cannot be listed to rebuild it: \(error.message)")
        }
        sleep(pause)
        pause = min(2 * pause, 5_000_000_000)
      }
    }
  }

  /// A file that somebody cut looks torn too, and may lack more than one change: a store that answers is asked. One
  /// that is away, or fails meanwhile, does not hold up the start.
  private func compareWithStoreIfReachable() throws(TierError) {
    guard try environment.identity.confirmIfReachable() else { return }
    do throws(TierError) {
      _ = try rebuildFromListing(isIntact: true)
    } catch {
      host.log(.warning, "The segment index was not compared with the store.", [("error", error.message)])
    }
  }

  /// Replaces the index by what the store has and what could be read of the old one, and returns how many objects that
  /// are. `isIntact`: as far as can be told, the old one lacks nothing; marks that are stale by it are left to
  /// `archive rebuild`, because a file that somebody cut may lack what they belong to.
  private func rebuildFromListing(isIntact: Bool) throws(TierError) -> Int {
    // What could be read of the index may say which store it was.
    if environment.index.current.storeID != nil { try environment.identity.confirm() }
    var listing = StoreListing()
    try environment.access.list(prefix: "") { listing.add($0) }
    var state = environment.index.current
    // The listing is newer than anything in the index, and nothing else runs yet.
    if isIntact {
      for id in state.staleMarks(listing) {
        host.log(
          .warning, "A partition is marked as deleted and the index has no deletion of it; the partition was kept.",
          [("partition", "\(id.topic)-\(id.partition)")])
      }
    }
    try keepDoubtful(of: &listing, state)
    state.apply(state.changes(to: listing, isIntact: isIntact, noticedAt: nil, isGone: { _ in true }))
    try environment.index.replace(with: state)
    return state.objectCount
  }

  /// Takes out of a listing what would be deleted on the word of its name alone: objects below their partition's start
  /// that the index does not have and whose footers do not say the same. They stay in the store for `archive rebuild`.
  private func keepDoubtful(of listing: inout StoreListing, _ state: IndexState) throws(TierError) {
    let unknown = listing.objects.values.filter { object in
      object.name.lastOffset < state[object.id]?.clamp ?? 0 && state[object.id]?.objects[object.name] == nil
        && !state.isBeingDeleted(object)
    }
    let footers = try environment.foundFooters(of: unknown) { _ in }
    for object in unknown {
      switch footers[object.name] {
      case .loaded: continue
      case .misnamed(let footer): environment.misnamed.warn(object, MisnamedObjects.text(footer))
      case nil: break
      }
      listing.exclude(object.name)
    }
  }
}
