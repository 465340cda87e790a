import Configuration
import HTTPTypes
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// The HTTP port: one event loop of its own, so that it never takes time from Kafka's connections.
///
/// Slow clients cannot occupy it for long: a connection that sends no whole request head within `http.client_timeout`
/// is closed, and `HTTPResponder` bounds the body and the answer in size and time.
final class HTTPPort: Sendable {
  /// Heads are small: a target of a few KiB and some fields.
  private static let headByteCountMax = 32 << 10
  private static let headFieldCountMax = 100
  /// How much later an idle connection is closed than a slow body is answered, so that the answer leaves.
  private static let graceForAnswers = TimeAmount.seconds(1)
  /// After this, answers under way are cut off.
  private static let stopTimeout = Duration.seconds(2)

  private let responder: HTTPResponder
  private let settings: Configuration.HTTP
  private let logger: Logger
  private let eventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let running = NIOLockedValueBox<Running?>(nil)

  private struct Running: Sendable {
    var server: Server<HTTP1Channel>
    var task: Task<Void, Never>
  }

  init(_ responder: HTTPResponder, settings: Configuration.HTTP, logger: Logger) {
    self.responder = responder
    self.settings = settings
    var quiet = logger
    // The server's own lines are about single connections.
    quiet.logLevel = max(logger.logLevel, .error)
    self.logger = quiet
  }

  /// Binds and begins to serve; returns the port. Blocks; not on an event loop.
  func start(_ endpoint: Endpoint) throws -> UInt16 {
    let responder = responder
    let channel = HTTP1Channel(
      responder: { request, writer, channel in try await responder.respond(request, writer, channel) },
      configuration: HTTP1Channel.Configuration(
        additionalChannelHandlers: [ClientWatch()],
        idleTimeout: .milliseconds(settings.clientTimeout.wholeMilliseconds) + Self.graceForAnswers,
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: Self.headByteCountMax, maxHeaderListSize: Self.headByteCountMax,
          maxHeaderFieldCount: Self.headFieldCountMax)))
    let bound = eventLoop.next().makePromise(of: UInt16.self)
    let server = Server(
      childChannelSetup: channel,
      configuration: ServerConfiguration(
        address: .hostname(endpoint.host, port: Int(endpoint.port)),
        availableConnectionsDelegate: MaximumAvailableConnections(settings.maxConnections, logger: logger)),
      onServerRunning: { channel in bound.succeed(UInt16(channel.localAddress?.port ?? 0)) },
      eventLoopGroup: eventLoop, logger: logger)
    let task = Task {
      do { try await server.run() } catch { bound.fail(error) }
    }
    running.withLockedValue { $0 = Running(server: server, task: task) }
    do { return try bound.futureResult.wait() } catch {
      throw ListenFailure(.http, endpoint, error)
    }
  }

  /// Accepts nothing more, tells searches to end, waits a little for answers under way, then cuts them off. Blocks.
  func stop() {
    responder.stop()
    responder.search.cancelAll()
    if let running = running.withLockedValue({ $0 }) {
      let ended = eventLoop.next().makePromise(of: Void.self)
      ended.completeWithTask { await Self.end(running) }
      do { try ended.futureResult.wait() } catch {
        logger.error("The HTTP port did not end cleanly", metadata: ["error": "\(error)"])
      }
    }
    responder.search.stop()
    responder.archive.stop()
    do { try eventLoop.syncShutdownGracefully() } catch {
      logger.error("The HTTP port's event loop did not stop cleanly", metadata: ["error": "\(error)"])
    }
  }

  private static func end(_ running: Running) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await running.server.shutdownGracefully() } catch { running.task.cancel() }
      }
      group.addTask {
        do { try await Task.sleep(for: stopTimeout) } catch { return }
        running.task.cancel()
      }
      await running.task.value
      group.cancelAll()
    }
  }
}
