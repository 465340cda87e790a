internal import CThreadPriority

/// How much a thread of a plugin may take from the host's threads, which answer clients. A plugin in C does the same
/// with setpriority(2) and sched_setscheduler(2).
public enum ThreadPriority: Sendable {
  /// A client waits for it as it waits for a fetch.
  case normal
  /// Somebody waits, but less urgently: searches.
  case belowClients
  /// Nobody waits: copying, indexing, deleting.
  case background

  /// Gives the calling thread this priority for the rest of its life. Never on a thread of the host, which does other
  /// work afterwards. A system that refuses leaves the thread as it is.
  public func apply() {
    switch self {
    case .normal: break
    case .belowClients: cthreadpriority_below_clients()
    case .background: cthreadpriority_background()
    }
  }
}
