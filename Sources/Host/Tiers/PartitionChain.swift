import Logging
import PluginLoader
import TierAPI

/// The tiers of one partition, in chain order. Threads and blocking are those of the tiers (`tier.h`).
struct PartitionChain: Sendable {
  let partitions: [TierPartition]
  /// The tier whose append decides, and whose end is the log's end.
  let commitIndex: Int

  var commit: TierPartition { partitions[commitIndex] }
  /// Tiers above the commit tier: caches.
  var caches: ArraySlice<TierPartition> { partitions[..<commitIndex] }

  /// Whether a tier below the commit tier takes finished segments.
  var hasImporter: Bool { partitions[(commitIndex + 1)...].contains { $0.tier.has(CHRONIK_TIER_IMPORT) } }

  /// First offset that the commit tier or a tier below it holds; the commit tier's when all are empty.
  var startOffset: Int64 {
    let states = partitions[commitIndex...].map(\.state).filter { $0.start_offset < $0.end_offset }
    return states.map(\.start_offset).min() ?? commit.state.start_offset
  }

  /// Appends to the commit tier and then to the caches. False when it would block; nothing happened then.
  ///
  /// A cache that fails is not an error of the append: the data is safe below it, and the cache starts again behind the
  /// gap (`tier.h`, append).
  func append(
    _ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool, logger: Logger
  ) throws(TierFailure) -> Bool {
    guard try commit.append(batches, nonblocking: nonblocking) else { return false }
    for cache in caches where cache.tier.has(CHRONIK_TIER_APPEND) {
      do throws(TierFailure) {
        _ = try cache.append(batches, nonblocking: true)
      } catch {
        logger.warning("A cache did not take a batch", metadata: ["tier": "\(cache.tier.name)", "error": "\(error)"])
      }
    }
    return true
  }

  enum Read: Sendable {
    case batches(extents: [Extent], nextOffset: Int64, byteCount: Int)
    /// No tier holds the offset, although it lies inside the log, or those that hold it failed.
    case failed(TierFailure)
    /// A tier would wait; `isCold`: one below the commit tier, which may have to ask a network.
    case wouldBlock(isCold: Bool)
  }

  /// Asks the tiers in chain order for whole batches from the one that contains `offset`. The first that holds it
  /// answers; an error falls through to the next; when all fail the first error is the answer, never emptiness.
  func read(offset: Int64, endOffset: Int64, maxBytes: Int, minOneBatch: Bool, nonblocking: Bool) -> Read {
    var failure: TierFailure?
    for (index, partition) in partitions.enumerated() where partition.tier.has(CHRONIK_TIER_READ) {
      do throws(TierFailure) {
        switch try partition.read(
          offset: offset, endOffset: endOffset, maxBytes: maxBytes, minOneBatch: minOneBatch, nonblocking: nonblocking)
        {
        case .batches(let extents, _, let next, let count):
          return .batches(extents: extents, nextOffset: next, byteCount: count)
        case .miss: continue
        case .wouldBlock: return .wouldBlock(isCold: index > commitIndex)
        }
      } catch {
        failure = failure ?? error
      }
    }
    return .failed(
      failure ?? TierFailure(.notFound, origin: "chain.read", message: "no tier holds offset \(offset)"))
  }

  /// Closes every tier's handle, caches first. May block.
  func close() {
    for partition in partitions { partition.close() }
  }
}
