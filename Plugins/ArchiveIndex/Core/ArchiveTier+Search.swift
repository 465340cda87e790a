import ArchiveSearch
import TierKit

/// The extension `chronik.search/1`: all partitions asked for as one collection.
extension ArchiveTier: SearchingTier {
  package func search(
    _ request: SearchRequest, _ scopes: [SearchScope], source: any SearchSource
  ) throws(TierError) -> SearchOutcome {
    // The host hands back what openPartition returned.
    let partitions = scopes.map { (unsafeDowncast($0.partition as AnyObject, to: ArchivePartition.self), $0.offsets) }
    let search = ArchiveSearch<ArchivePartition>(
      clock: { [host] in host.monotonicNanoseconds }, spawn: { [environment] in environment.searchHelpers.add($0) })
    return try search.run(request, partitions, source: source)
  }
}
