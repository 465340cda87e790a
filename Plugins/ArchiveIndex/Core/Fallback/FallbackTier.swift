import TierKit

/// The last tier of a chain: it answers for offsets that every tier above missed or failed on, by asking the store
/// itself, and puts right what its archive's index had wrong.
///
/// It belongs to a running `ArchiveIndex` of this library, found when a partition is opened: a host starts tiers from
/// the bottom up. Thread-safe.
package final class FallbackTier: Tier {
  private let host: HostServices
  private let archiveName: String

  package init(host: HostServices, options: TierOptions) throws(TierError) {
    self.host = host
    archiveName = options.settings[Self.archiveKey] ?? ""
  }

  private static let archiveKey = "archive"

  package static let description = TierDescription(
    id: "chronik.fallback", name: "Fallback", version: "1.0.0",
    summary:
      "Answers from the archive's objects themselves when the archive's index does not know them, and repairs it.",
    abilities: [.read],
    keys: [
      ConfigurationKey(
        archiveKey, .string, default: nil,
        "The name of the archive tier it helps; absent: the only one there is.")
    ],
    omits: [.findTimestamp, .listPartitions])

  package func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierPartition {
    FallbackPartition(id, initialOffset: initialOffset, environment: try archive().environment)
  }

  private func archive() throws(TierError) -> ArchiveTier {
    if let tier = ArchiveRegistry.shared.tier(named: archiveName) { return tier }
    let wanted = archiveName.isEmpty ? "exactly one tier ArchiveIndex" : "the tier ArchiveIndex named \(archiveName)"
    throw TierError(.invalidConfiguration, "archive: \(wanted) has to be running; is it in the chain, above this one?")
  }
}
