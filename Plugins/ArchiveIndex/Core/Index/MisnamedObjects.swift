import ArchiveFormat
import TierKit

/// Objects whose footers say that they are others than their names say: files that somebody copied or renamed in the
/// store. They leave the index, or never get there; the store keeps them. Thread-safe.
final class MisnamedObjects: Sendable {
  private let index: SegmentIndex
  private let chunks: ChunkCache
  private let host: HostServices
  /// Those that were warned of.
  private let named = Guarded(Set<ObjectName>())

  init(index: SegmentIndex, chunks: ChunkCache, host: HostServices) {
    self.index = index
    self.chunks = chunks
    self.host = host
  }

  /// Takes the object out of the index, warns of it once, and returns what its readers are told. Waits for the disk.
  func reject(_ object: IndexedObject, _ footer: Footer) -> TierError {
    let found = Self.text(footer)
    warn(object, found)
    do throws(TierError) {
      try index.commit { $0.rejection(of: object.name, noticedAt: host.wallClockMilliseconds) }
      chunks.drop(object.name)
      host.setGauge("lost_objects", Int64(index.current.lostObjectCount))
    } catch {
      return error
    }
    return TierError(.corrupt, "\(object.key): by its footer the object is \(found)")
  }

  func warn(_ object: IndexedObject, _ found: String) {
    let isNew = named.withLock { named in
      if named.count >= Limits.misnamedObjectsMax { named = [] }
      return named.insert(object.name).inserted
    }
    guard isNew else { return }
    host.log(
      .warning, "An object in the store is not the one its name says and is not used; was it copied or renamed?",
      [("object", object.key), ("footer", found)])
  }

  /// What the object says of itself.
  static func text(_ footer: Footer) -> String {
    "\(footer.identity.topic)-\(footer.identity.partition), offsets \(footer.range.baseOffset) to "
      + "\(footer.range.nextOffset &- 1), generation \(footer.compaction?.generation ?? 0)"
  }
}

extension IndexState {
  /// Changes that take the entry of a misnamed object out. What it was known to hold, or what lies between the others,
  /// is lost; beyond them there was nothing but the name's word.
  func rejection(of name: ObjectName, noticedAt: Int64) -> [IndexChange] {
    let id = PartitionID(topic: name.topic, topicID: name.topicID, partition: name.partition)
    guard let partition = self[id], let entry = partition.objects[name] else { return [] }
    let rest = ObjectCover(partition.objects.keys.filter { $0 != name })
    let isBetween =
      rest.kept.contains { $0.lastOffset < name.baseOffset } && rest.kept.contains { $0.baseOffset > name.lastOffset }
    guard entry.rawByteCount >= 0 || isBetween, !rest.missing(in: name.offsets).isEmpty else { return [.remove(name)] }
    return [.lose(LostObject(object: entry, noticedAt: noticedAt))]
  }
}
