import Glibc
import KafkaProtocol
import Logging
import PluginLoader
import TierAPI

/// A topic of which an archive holds something and which the broker's catalogue does not have: the catalogue was lost
/// or is an old one, or the store was filled by another broker. It is never deleted without an order, because a lost
/// catalogue must not cost the archive.
struct UnknownTopic: Sendable, Equatable {
  var name: String
  var id: KafkaUUID
  /// In order.
  var partitions: [PartitionIdentity]

  /// As the topic's directory in the store is called.
  var key: String { "\(name)~\(id)" }

  /// Those among the partitions held that belong to no topic of `known`, by name and id.
  static func among(_ held: [PartitionIdentity], known: Set<KafkaUUID>) -> [UnknownTopic] {
    var found: [KafkaUUID: UnknownTopic] = [:]
    for partition in held {
      let id = KafkaUUID(high: partition.topicID.high, low: partition.topicID.low)
      if known.contains(id) { continue }
      found[id, default: UnknownTopic(name: partition.topic, id: id, partitions: [])].partitions.append(partition)
    }
    for id in found.keys { found[id]?.partitions.sort { $0.partition < $1.partition } }
    return found.values.sorted { ($0.name, $0.key) < ($1.name, $1.key) }
  }

  /// Topics named in one log line; the rest is a number.
  private static let namedMax = 20

  /// One line for each tier that keeps unknown topics: archives, and those that append durably. Blocks.
  static func report(_ tiers: [TierHandle], known: Set<KafkaUUID>, _ logger: Logger) {
    for tier in tiers where tier.has(CHRONIK_TIER_IMPORT) || tier.has(CHRONIK_TIER_DURABLE) {
      do throws(TierFailure) {
        let unknown = among(try tier.heldPartitions() ?? [], known: known)
        if unknown.isEmpty { continue }
        let names = unknown.prefix(namedMax).map { "\($0.key) (\($0.partitions.count))" }
        let more = unknown.count > namedMax ? " and \(unknown.count - namedMax) more" : ""
        let advice =
          tier.has(CHRONIK_TIER_IMPORT) ? "chronik archive remove-unknown" : "topics.journal, which may be lost or an old one"
        logger.warning(
          "A tier holds topics that the catalogue does not know; nothing of them is deleted without an order",
          metadata: [
            "tier": "\(tier.name)", "topics": "\(unknown.count)",
            "partitions": "\(unknown.reduce(0) { $0 + $1.partitions.count })",
            "ids": "\(names.joined(separator: ", "))\(more)", "see": "\(advice)",
          ])
      } catch {
        logger.warning(
          "Whether a tier holds unknown topics cannot be told",
          metadata: ["tier": "\(tier.name)", "error": "\(error)"])
      }
    }
  }
}

extension TopicCatalogue {
  /// The ids of all topics, those included whose deletion is not over.
  var knownIDs: Set<KafkaUUID> { Set(topics.keys.compactMap { KafkaUUID($0) }) }

  /// What the catalogue in `directory` knows; nothing when there is none. Creates nothing. The directory is locked.
  static func knownIDs(in directory: String) throws(Failure) -> Set<KafkaUUID> {
    guard access("\(directory)/topics.journal", F_OK) == 0 else { return [] }
    var catalogue = try TopicCatalogue(directory: directory)
    defer { catalogue.close() }
    return catalogue.knownIDs
  }
}
