import NIOCore

/// What the clocks of one connection need to know.
struct Timeouts {
  /// When the last request was complete, or was still being answered.
  var lastRequest = NIODeadline.now()
  /// Since the connection began.
  var receivedByteCount = 0
  var finishedFrames = 0
  /// Whether the broker itself did not read at some time since the last stall check.
  var wasPaused = false

  fileprivate var idleCheck: Scheduled<Void>?
  fileprivate var stallCheck: Scheduled<Void>?
  fileprivate var receivedAtStallCheck = 0
  fileprivate var finishedAtStallCheck = 0
  fileprivate var unsentAtIdleCheck = 0

  mutating func cancel() {
    idleCheck?.cancel()
    stallCheck?.cancel()
  }
}

/// Two clocks end a connection that costs more than it brings.
///
/// - **Idle** (`network.idle_timeout`): no complete request, none being answered, and no progress of a response that
///   the peer is still reading. Bytes alone do not count: a peer that sends one byte a minute is as idle as one that is
///   gone.
/// - **Stalled** (`network.stall_timeout`): a request has begun and neither ended nor grown by a minimum
///   (``NetworkLimits/stallProgressByteCount``), though the broker was reading all the time. Its memory would be in
///   nobody's use for as long as the peer likes.
extension Connection {
  func scheduleIdleCheck() {
    timeouts.idleCheck = eventLoop.scheduleTask(deadline: timeouts.lastRequest + limits.idleTimeout) { [self] in
      guard !isClosing else { return }
      let unsent = unsentByteCount
      if responses.count > 0 || (unsent > 0 && unsent != timeouts.unsentAtIdleCheck) { timeouts.lastRequest = .now() }
      timeouts.unsentAtIdleCheck = unsent
      if NIODeadline.now() - timeouts.lastRequest >= limits.idleTimeout {
        logger.debug("Closing an idle connection")
        close()
      } else {
        scheduleIdleCheck()
      }
    }
  }

  /// Response bytes that are written and not yet in the kernel.
  private var unsentByteCount: Int {
    guard let options = context?.channel.syncOptions else { return 0 }
    do { return try options.getOption(.bufferedWritableBytes) } catch { return 0 }
  }

  /// At most one check is pending: a connection in good order pays for it once in a timeout, not per request.
  func scheduleStallCheck() {
    guard timeouts.stallCheck == nil, !isClosing else { return }
    timeouts.receivedAtStallCheck = timeouts.receivedByteCount
    timeouts.finishedAtStallCheck = timeouts.finishedFrames
    timeouts.wasPaused = false
    timeouts.stallCheck = eventLoop.scheduleTask(in: limits.stallTimeout) { [self] in
      timeouts.stallCheck = nil
      guard !isClosing, isWithinFrame else { return }
      let progress = timeouts.receivedByteCount - timeouts.receivedAtStallCheck
      let isMoving =
        progress >= NetworkLimits.stallProgressByteCount || timeouts.finishedFrames != timeouts.finishedAtStallCheck
      if isMoving || timeouts.wasPaused || isReadingPaused {
        scheduleStallCheck()
      } else {
        logger.debug("Closing a connection whose request does not go on", metadata: ["bytes": "\(progress)"])
        close()
      }
    }
  }
}
