import CThreadPriority

/// How much a thread of the broker may take from the event loops and the group commit.
enum ThreadPriority: Sendable {
  /// Clients wait for it.
  case normal
  /// Somebody waits, but less urgently than for a fetch: searches.
  case belowClients
  /// Nobody waits: copying to the tiers below, compaction, retention.
  case background

  /// Gives the calling thread this priority for the rest of its life. A system that refuses leaves it as it is.
  func apply() {
    switch self {
    case .normal: break
    case .belowClients: cthreadpriority_below_clients()
    case .background: cthreadpriority_background()
    }
  }
}
