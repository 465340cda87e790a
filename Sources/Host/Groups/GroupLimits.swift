/// Bounds of the group coordinator that Kafka has no setting for.
enum GroupLimits {
  /// How long a member that joined for the first time stays without an answer. It has no id yet with which it could
  /// send heartbeats, and its connection is not watched; a living client asks again. Kafka's value.
  static let newMemberJoinTimeout: Duration = .seconds(300)
  /// A gathering to which nobody came lasts at least this long the next time. Rebalance timeouts are the clients' word,
  /// and zero is one of them: without it the coordinator would do nothing else until the sessions end.
  static let repeatedGatheringMin: Duration = .seconds(1)
  /// What one member says about itself over all its protocols. Subscriptions to ten thousand topics stay below it, and
  /// several of them fit ``unitByteCountMax``.
  static let memberMetadataByteCountMax = 1 << 20
  /// Protocols that one member offers. Clients have one name per assignor, a handful.
  static let memberProtocolsMax = 1000
  /// Member ids handed out and not used yet, per group: each lives for a session timeout, and asking for one is cheap.
  static let pendingMembersMax = 10_000
  /// Groups of one broker. Each costs about a kilobyte without its offsets.
  static let groupsMax = 1_000_000
  /// Key and value bytes that are stored together: the offsets of one commit, or one group with all its members. The
  /// whole unit is one record batch, which a reader must be able to take at once.
  static let unitByteCountMax = 16 << 20
  /// Units that arrive while an append is under way share the next batch up to this size.
  static let combinedByteCountMax = 512 << 10
  /// The part of the client id that goes into a member id.
  static let memberIDPrefixMax = 255
  /// Partitions of the offsets topic that are read at the same time at start.
  static let parallelLoads = 4
  /// Pause before a partition that could not be read is tried again.
  static let loadRetryDelay: Duration = .seconds(10)
  /// A timer later than this was held up.
  static let timerDelayMax: Duration = .milliseconds(250)
  /// How long members are waited for at most after a delay.
  static let graceMax: Duration = .seconds(5)

  /// How long a timer that was `delay` late lets members be heard before it acts; nil: it was in time.
  static func grace(afterDelay delay: Duration) -> Duration? { delay > timerDelayMax ? min(delay, graceMax) : nil }
}
