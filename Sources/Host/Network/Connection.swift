import Glibc
import KafkaProtocol
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PluginLoader
import Synchronization

/// One client connection: bytes to frames, frames to handlers, responses back in order.
///
/// There is no task and no promise per request. A frame is copied once, from the socket's buffer into a buffer of its
/// own, because its records are patched and kept there. Requests run on the event loop; one that must wait for a disk
/// or for another client (`RequestContext.runBlocking`) is a barrier: later frames of the connection wait behind it as
/// they do in Apache Kafka. Produce and Fetch never are: they are applied in arrival order and answered in order while
/// their waits overlap.
///
/// Reading stops, and TCP pushes back, while too many requests are unanswered, while a barrier is in place, while the
/// peer does not read its responses, or while the broker's in-flight budget is used up.
///
/// All state is confined to the channel's event loop.
final class Connection: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = IOData

  let broker: Broker
  let id: UInt64
  let limits: ConnectionLimits
  private(set) var logger: Logger
  private(set) var eventLoop: any EventLoop
  private(set) var context: ChannelHandlerContext?

  private var frame: FrameBuffer?
  /// Bytes of ``frame`` that the in-flight budget has not been charged for yet.
  private var uncharged = 0
  private var prefix: UInt32 = 0
  private var prefixCount = 0
  private var waiting: CircularBuffer<FrameBuffer> = []
  private(set) var responses = ResponseQueue<OutboundMessage>()
  /// Bytes of responses that are ready and wait for an earlier one.
  private var heldByteCount = 0
  /// Requests behind which later frames wait.
  private var barrierCount = 0
  /// A frame of ``waiting`` is being handed to its handler, further up the stack.
  private var isDispatching = false
  private(set) var isReadingPaused = false
  private var isReading = false
  private var needsFlush = false
  private(set) var isClosing = false
  /// Nobody will read another answer. Set on the event loop, read from any thread.
  let hasEnded = Atomic<Bool>(false)
  private var isWaitingForBudget = false
  private var isExemptFromBudget = false
  private var hasFinishedFrame = false
  /// Bytes of records that requests of this connection may still have decoded on the event loop in this turn of it.
  var decodingAllowance = NetworkLimits.decodedByteCountPerTurn
  var timeouts = Timeouts()
  /// The peer's address without its port; empty when it has none.
  private(set) var peerHost = ""
  /// Set once the peer has named itself in ApiVersions; for logs.
  var clientSoftware = ""

  init(broker: Broker, id: UInt64, eventLoop: any EventLoop, limits: ConnectionLimits) {
    self.broker = broker
    self.id = id
    self.eventLoop = eventLoop
    self.limits = limits
    logger = broker.logger
    logger[metadataKey: "connection"] = "\(id)"
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    peerHost = context.remoteAddress?.ipAddress ?? ""
    scheduleIdleCheck()
  }

  /// Whether a request has begun to arrive and is not complete.
  var isWithinFrame: Bool { frame != nil || prefixCount > 0 }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    isClosing = true
    hasEnded.store(true, ordering: .relaxed)
    timeouts.cancel()
    let partial = frame.map { $0.chargedByteCount - uncharged } ?? 0
    frame = nil
    broker.inFlight.release(waiting.reduce(partial) { $0 + $1.chargedByteCount })
    waiting.removeAll()
    if isWaitingForBudget || isExemptFromBudget { broker.inFlight.leave(id, hasEnded: true) }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.debug("Connection failed", metadata: ["error": "\(error)"])
    context.close(promise: nil)
  }

  // MARK: - Bytes to frames

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    isReading = true
    let buffer = unwrapInboundIn(data)
    timeouts.receivedByteCount += buffer.readableBytes
    buffer.withUnsafeReadableBytes { takeFrames($0) }
    chargeFrame()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    decodingAllowance = NetworkLimits.decodedByteCountPerTurn
    if hasFinishedFrame {
      hasFinishedFrame = false
      timeouts.lastRequest = .now()
    }
    flushIfNeeded()
    updateReading()
    if isWithinFrame { scheduleStallCheck() }
  }

  private func takeFrames(_ bytes: UnsafeRawBufferPointer) {
    var position = 0
    while position < bytes.count, !isClosing {
      if let current = frame {
        let count = min(current.missing, bytes.count - position)
        guard current.append(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])) else {
          return closeWithoutMemory(current.byteCount)
        }
        uncharged += count
        position += count
        finish(current)
      } else if prefixCount == 0, bytes.count - position >= 4 {
        let size = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        position += 4
        begin(size, available: bytes.count - position)
      } else {
        prefix = prefix << 8 | UInt32(bytes[position])
        prefixCount += 1
        position += 1
        if prefixCount == 4 { begin(prefix, available: bytes.count - position) }
      }
    }
  }

  private func begin(_ size: UInt32, available: Int) {
    prefix = 0
    prefixCount = 0
    if let complaint = FramePrefix.complaint(size, byteCountMax: limits.requestByteCountMax) {
      logger.warning("Closing a connection that does not send Kafka requests", metadata: ["seen": "\(complaint)"])
      if FramePrefix.isHTTP(size), let context {
        context.write(wrapOutboundOut(.byteBuffer(ByteBuffer(string: FramePrefix.answerToHTTP))), promise: nil)
        context.flush()
      }
      close()
      return
    }
    frame = FrameBuffer(byteCount: Int(size), available: available)
    guard frame != nil else { return closeWithoutMemory(Int(size)) }
    uncharged = NetworkLimits.frameOverhead
  }

  private func closeWithoutMemory(_ byteCount: Int) {
    logger.error("Closing a connection: no memory for its request", metadata: ["bytes": "\(byteCount)"])
    close()
  }

  private func chargeFrame() {
    guard uncharged > 0 else { return }
    broker.inFlight.charge(uncharged)
    uncharged = 0
  }

  private func finish(_ current: FrameBuffer) {
    guard current.isComplete else { return }
    frame = nil
    chargeFrame()
    hasFinishedFrame = true
    timeouts.finishedFrames += 1
    if isExemptFromBudget {
      isExemptFromBudget = false
      broker.inFlight.leave(id)
    }
    if mayDispatch { dispatch(current) } else { waiting.append(current) }
  }

  // MARK: - Frames to handlers

  private var mayDispatch: Bool { barrierCount == 0 && waiting.isEmpty && hasRoomForResponses }

  private var hasRoomForResponses: Bool {
    responses.count < limits.inFlightRequestsMax && heldByteCount < NetworkLimits.unsentByteCountHigh
      && (context?.channel.isWritable ?? false)
  }

  private func dispatch(_ frame: FrameBuffer) {
    do throws(WireError) {
      let header = try RequestHeader.decode(from: frame.bytes)
      let request = RequestContext(connection: self, frame: frame, header: header, ticket: responses.reserve())
      broker.handlers.handle(request)
    } catch {
      logger.warning("Closing a connection after a request header that cannot be read", metadata: ["error": "\(error)"])
      broker.inFlight.release(frame.chargedByteCount)
      close()
    }
  }

  /// Many requests are answered while they are dispatched, and answers, flushes and barriers that end come back here:
  /// only the outermost call takes frames, or the stack would grow with every frame that a peer sends.
  private func dispatchWaiting() {
    guard !isDispatching else { return }
    isDispatching = true
    repeat {
      while !isClosing, barrierCount == 0, let next = waiting.first, hasRoomForResponses {
        waiting.removeFirst()
        dispatch(next)
      }
      // What the peer takes at once makes room for more.
    } while flushIfNeeded()
    isDispatching = false
    updateReading()
  }

  /// Later frames wait until ``endBarrier()`` was called as often as this. On the event loop.
  func beginBarrier() { barrierCount += 1 }

  func endBarrier() {
    precondition(barrierCount > 0, "a barrier ended twice")
    barrierCount -= 1
    guard barrierCount == 0 else { return }
    decodingAllowance = NetworkLimits.decodedByteCountPerTurn
    if !isReading { dispatchWaiting() } else if !waiting.isEmpty { eventLoop.execute { self.dispatchWaiting() } }
  }

  /// Reads while nothing waits; a peer that sends more than is answered is slowed down by TCP.
  private func updateReading() {
    guard let context, !isClosing else { return }
    let paused = !waiting.isEmpty || !hasRoomForResponses || isOverBudget()
    guard paused != isReadingPaused else { return }
    isReadingPaused = paused
    if paused { timeouts.wasPaused = true }
    context.channel.setOption(ChannelOptions.autoRead, value: !paused).whenFailure { _ in }
  }

  private func isOverBudget() -> Bool {
    if isWaitingForBudget { return true }
    let answer = broker.inFlight.mayRead(id, isWithinFrame: isWithinFrame) { [self] in
      eventLoop.execute {
        self.isWaitingForBudget = false
        if self.isClosing { self.broker.inFlight.leave(self.id, hasEnded: true) } else { self.updateReading() }
      }
    }
    isWaitingForBudget = answer == .wait
    isExemptFromBudget = isExemptFromBudget || answer == .readExempt
    return isWaitingForBudget
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    dispatchWaiting()
    context.fireChannelWritabilityChanged()
  }

  // MARK: - Responses

  /// Answers a request; nil means without a response. On the event loop.
  /// `refund`: the frame's size, which is no longer in flight.
  func complete(_ ticket: ResponseQueue<OutboundMessage>.Ticket, _ message: OutboundMessage?, refund: Int) {
    broker.inFlight.release(refund)
    let byteCount = message?.byteCount ?? 0
    heldByteCount += byteCount
    responses.complete(ticket, message)
    while let next = responses.next() {
      heldByteCount -= next.byteCount
      write(next)
    }
    if !isReading, !isDispatching {
      flushIfNeeded()
      if !waiting.isEmpty || isReadingPaused { dispatchWaiting() }
    }
  }

  private func write(_ message: OutboundMessage) {
    guard let context, !isClosing else { return }
    for piece in message.pieces {
      switch piece {
      case .bytes(let buffer): context.write(wrapOutboundOut(.byteBuffer(buffer)), promise: nil)
      case .extent(let extent): write(extent, context)
      }
    }
    needsFlush = true
  }

  private func write(_ extent: Extent, _ context: ChannelHandlerContext) {
    guard extent.isFileRegion else {
      context.write(wrapOutboundOut(.byteBuffer(SharedExtentMemory.buffer(over: extent))), promise: nil)
      return
    }
    let descriptor = dup(extent.raw.fd)
    guard descriptor >= 0 else { return writeCopy(of: extent, context) }
    let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
    let start = Int(extent.raw.file_offset)
    let region = FileRegion(fileHandle: handle, readerIndex: start, endIndex: start + extent.byteCount)
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.whenComplete { [logger] _ in
      do { try handle.close() } catch { logger.error("Closing a descriptor failed", metadata: ["error": "\(error)"]) }
      withExtendedLifetime(extent) {}
    }
    context.write(wrapOutboundOut(.fileRegion(region)), promise: promise)
  }

  /// Bytes of segments that all connections together may hold in memory because descriptors are used up.
  private static let copiedByteCountMax = 64 << 20
  private static let copiedByteCount = NIOLockedValueBox(0)

  /// Without a descriptor left the bytes go through memory: slower, and a cold disk is waited for here, but a client that
  /// fetches more partitions than this process may open files gets its answer, and not the same end again and again. That
  /// memory is bounded for all connections; beyond the bound the connection ends.
  private func writeCopy(of extent: Extent, _ context: ChannelHandlerContext) {
    let byteCount = extent.byteCount
    let hasRoom = Self.copiedByteCount.withLockedValue { copied in
      guard copied + byteCount <= Self.copiedByteCountMax else { return false }
      copied += byteCount
      return true
    }
    guard hasRoom else {
      logger.error("Closing a connection: no file descriptor left to send a segment", metadata: ["bytes": "\(byteCount)"])
      return close()
    }
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.whenComplete { _ in Self.copiedByteCount.withLockedValue { $0 -= byteCount } }
    do {
      let copy = try extent.withBytes { context.channel.allocator.buffer(bytes: $0) }
      context.write(wrapOutboundOut(.byteBuffer(copy)), promise: promise)
    } catch {
      promise.fail(error)
      logger.error("Closing a connection: a segment can neither be sent nor read", metadata: ["error": "\(error)"])
      close()
    }
  }

  /// Whether there was anything to flush.
  @discardableResult
  private func flushIfNeeded() -> Bool {
    guard needsFlush else { return false }
    needsFlush = false
    context?.flush()
    return true
  }

  /// Ends the connection at once. On the event loop.
  func close() {
    isClosing = true
    hasEnded.store(true, ordering: .relaxed)
    context?.close(promise: nil)
  }
}

/// Bounds for one connection; see the configuration's `network` section for their meaning.
struct ConnectionLimits: Sendable {
  var requestByteCountMax: Int
  var inFlightRequestsMax: Int
  var idleTimeout: TimeAmount
  var stallTimeout: TimeAmount
}
