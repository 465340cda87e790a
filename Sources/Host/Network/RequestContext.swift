import KafkaProtocol
import NIOCore
import PluginLoader

/// One request on its way through the broker: where it came from, its bytes, and the one place where it is answered.
///
/// It is answered exactly once, by ``respond(_:)``, ``respondWithRecords(_:extents:)`` or ``finishWithoutResponse()``,
/// from any thread. Everything else is used on the connection's event loop until a handler hands the context on.
final class RequestContext: @unchecked Sendable {
  let connection: Connection
  let frame: FrameBuffer
  let header: RequestHeader
  private let ticket: ResponseQueue<OutboundMessage>.Ticket
  private var isBarrier = false

  init(
    connection: Connection, frame: FrameBuffer, header: RequestHeader, ticket: ResponseQueue<OutboundMessage>.Ticket
  ) {
    self.connection = connection
    self.frame = frame
    self.header = header
    self.ticket = ticket
  }

  var broker: Broker { connection.broker }
  var version: Int16 { header.apiVersion }
  var eventLoop: any EventLoop { connection.eventLoop }
  var clientID: String { header.clientID ?? "" }

  // MARK: - Leaving the event loop

  /// Later requests of this connection wait until this one is answered, as they do in Apache Kafka. On the event loop,
  /// before anything that lets the connection go on.
  func waitForAnswer() {
    guard !isBarrier else { return }
    isBarrier = true
    connection.beginBarrier()
  }

  /// Runs `work`, which answers the request and may block, on the blocking pool.
  func runBlocking(_ work: @escaping @Sendable () -> Void) {
    waitForAnswer()
    broker.blockingPool.run(work)
  }

  /// The same for work that may ask tiers below the commit tier, which may wait for a network.
  func runCold(_ work: @escaping @Sendable () -> Void) {
    waitForAnswer()
    broker.coldPool.run(work)
  }

  /// Runs `work`, which decodes records, on the decoding pool. Later requests of this connection wait until it has
  /// returned; the answer may come earlier or later. On the event loop.
  func runDecoding(_ work: @escaping @Sendable () -> Void) {
    let connection = connection
    connection.beginBarrier()
    broker.decodingPool.run {
      work()
      connection.eventLoop.execute { connection.endBarrier() }
    }
  }

  // MARK: - Answering

  /// Answers with a message that carries no records. `version` differs from the request's only where the protocol says
  /// so (ApiVersions).
  func respond<Response: KafkaMessage>(_ response: Response, version: Int16? = nil) {
    do throws(WireError) {
      let version = version ?? self.version
      let message = try response.withEncodedResponse(version: version, correlationID: header.correlationID) {
        bytes, _ in
        OutboundMessage(ByteBuffer(bytes: bytes))
      }
      complete(message)
    } catch {
      failEncoding(error)
    }
  }

  /// Answers with a message whose `records` fields are sent from `extents`, one list for each field that is not null.
  func respondWithRecords<Response: KafkaMessage>(_ response: Response, extents: [[Extent]]) {
    do throws(WireError) {
      let message = try response.withEncodedResponse(version: version, correlationID: header.correlationID) {
        bytes, splices in
        OutboundMessage(bytes: bytes, splices: splices, extents: extents, allocator: ByteBufferAllocator())
      }
      complete(message)
    } catch {
      failEncoding(error)
    }
  }

  /// The answer to a request that the broker cannot read: the correlation id and an error code, in the shape of the
  /// oldest responses.
  func respondUnsupported(_ code: ErrorCode) {
    var buffer = ByteBuffer()
    buffer.writeInteger(Int32(6))
    buffer.writeInteger(header.correlationID)
    buffer.writeInteger(code.rawValue)
    complete(OutboundMessage(buffer))
  }

  /// Ends a request that gets no response (acks=0).
  func finishWithoutResponse() { complete(nil) }

  /// A response that cannot be encoded is our defect: the client must not take silence for success.
  private func failEncoding(_ error: WireError) {
    broker.logger.error("A response cannot be encoded", metadata: ["error": "\(error)"])
    let connection = connection
    onEventLoop { connection.close() }
  }

  private func complete(_ message: OutboundMessage?) {
    let outbound = UncheckedTransfer(message)
    onEventLoop {
      self.connection.complete(self.ticket, outbound.value, refund: self.frame.chargedByteCount)
      if self.isBarrier { self.connection.endBarrier() }
    }
  }

  private func onEventLoop(_ work: @escaping @Sendable () -> Void) {
    if eventLoop.inEventLoop { work() } else { eventLoop.execute(work) }
  }
}

/// Hands a value to another thread whose owner stops using it; the compiler cannot see that it does.
struct UncheckedTransfer<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
