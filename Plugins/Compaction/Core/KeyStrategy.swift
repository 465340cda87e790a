import TierKit

/// Keeps the newest record of every key, as Kafka does for `cleanup.policy=compact`.
public final class KeyStrategy: CompactionStrategy {
  private let host: HostServices
  private let dedupeByteCount: Int

  public static let description = CompactionDescription(
    id: "chronik.compaction.key", name: "Key", version: "1.0.0",
    summary: "Keeps the newest record of every key, and tombstones for delete.retention.ms, as Kafka does.",
    abilities: [.rewrite], keys: keys)

  static let keys: [ConfigurationKey] = [
    ConfigurationKey(
      "dedupe_buffer", .size((64 << 10)...(64 << 30)), default: "128MiB",
      "Memory for the keys of one run, about 54 bytes each; a part of the log with more "
        + "keys is compacted in several runs."
    )
  ]

  public init(host: HostServices, options: CompactionOptions) throws(TierError) {
    self.host = host
    dedupeByteCount = Int(try options.integer("dedupe_buffer"))
  }

  public func plan(_ view: CompactionView) throws(TierError) -> CompactionPlan { KeyPlanner(view).plan() }

  public func begin(_ view: CompactionView, _ plan: CompactionPlan) throws(TierError) -> any CompactionRun {
    KeyRun(view, observed: plan.observed, dedupeByteCount: dedupeByteCount, host: host)
  }
}
