/// Bounds of the control plane that Kafka has no setting for.
enum TopicLimits {
  /// Partitions of one broker. Each costs memory, descriptors and a place in every sweep; Kafka's own advice ends far
  /// below, and more in one request is a typing mistake.
  static let partitionCountMax = 100_000
  /// Partitions that are opened at the same time: opening one is a few flushes of its directory, and those of several
  /// overlap.
  static let parallelOpenings = 4
  /// Partitions that are opened before the controller turns to somebody else's change: with a slow disk's 10 ms for
  /// each, nobody waits longer than some 40 ms for one request.
  static let openingsPerTurn = 16
  /// Parts of one request (topics to create or delete, resources to change) that are begun before the controller turns
  /// to the next request, and that one request has under way.
  static let changesPerTurn = 16
  /// Topics that one Metadata request creates on first use. A consumer of a thousand topics that do not exist asks
  /// again and gets the next ones; a mistaken list of a million does not become a million topics at one stroke.
  static let createdOnFirstUseMax = 100
}
