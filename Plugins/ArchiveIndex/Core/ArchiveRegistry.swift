import TierKit

/// The instances of this library that run, so that a fallback finds the archive it helps. It keeps none of them alive.
final class ArchiveRegistry: Sendable {
  private struct Entry {
    weak var tier: ArchiveTier?
    var name: String
  }

  static let shared = ArchiveRegistry()
  private let entries = Guarded<[Entry]>([])

  func add(_ tier: ArchiveTier) { entries.withLock { $0.append(Entry(tier: tier, name: tier.instanceName)) } }

  func remove(_ tier: ArchiveTier) { entries.withLock { $0.removeAll { $0.tier == nil || $0.tier === tier } } }

  /// The running instance of that name, or the only one when `name` is empty; nil when there is none or no only one.
  func tier(named name: String) -> ArchiveTier? {
    entries.withLock { entries in
      let running = entries.filter { $0.tier != nil && (name.isEmpty || $0.name == name) }
      return running.count == 1 ? running[0].tier : nil
    }
  }
}
