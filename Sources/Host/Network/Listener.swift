import Configuration
import Logging
import NIOCore
import NIOPosix
import NIOConcurrencyHelpers

/// Accepts client connections and keeps count of them.
final class Listener: @unchecked Sendable {
  private let broker: Broker
  private let group: MultiThreadedEventLoopGroup
  private let network: Configuration.Network
  private let state = NIOLockedValueBox(State())

  private struct State {
    var channel: (any Channel)?
    var connections: [UInt64: Connection] = [:]
    var nextID: UInt64 = 0
    var isShuttingDown = false
  }

  init(broker: Broker, group: MultiThreadedEventLoopGroup, network: Configuration.Network) {
    self.broker = broker
    self.group = group
    self.network = network
  }

  /// Binds and begins to accept; returns the port, which differs from the endpoint's when that is 0. `bound` learns it
  /// before the first connection is accepted.
  func start(_ endpoint: Endpoint, bound: @escaping @Sendable (UInt16) -> Void) throws -> UInt16 {
    let congestion = network.tcpCongestion
    let limits = ConnectionLimits(
      requestByteCountMax: network.maxRequestBytes, inFlightRequestsMax: network.maxInflightRequestsPerConnection,
      idleTimeout: .nanoseconds(network.idleTimeout.nanoseconds))
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.autoRead, value: false)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 16_384, maximum: 1 << 20))
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 4 << 20))
      .childChannelInitializer { [self] channel in
        if let congestion { setCongestion(congestion, of: channel) }
        guard let connection = admit(channel, limits) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(connection)
        }
      }
    let channel = try bootstrap.bind(host: endpoint.host, port: Int(endpoint.port)).wait()
    state.withLockedValue { $0.channel = channel }
    let port = UInt16(channel.localAddress?.port ?? Int(endpoint.port))
    bound(port)
    try channel.setOption(.autoRead, value: true).wait()
    return port
  }

  private func admit(_ channel: any Channel, _ limits: ConnectionLimits) -> Connection? {
    let id = state.withLockedValue { state -> UInt64? in
      guard !state.isShuttingDown, state.connections.count < network.maxConnections else { return nil }
      state.nextID += 1
      return state.nextID
    }
    guard let id else {
      broker.logger.warning("Refused a connection: network.max_connections is reached")
      return nil
    }
    let connection = Connection(
      broker: broker, listener: self, id: id, eventLoop: channel.eventLoop, limits: limits)
    state.withLockedValue { $0.connections[id] = connection }
    return connection
  }

  func connectionClosed(_ connection: Connection) {
    state.withLockedValue { $0.connections[connection.id] = nil }
  }

  var connectionCount: Int { state.withLockedValue { $0.connections.count } }

  /// Stops accepting and closes every connection. Returns when the server channel is closed.
  func stop() {
    let (channel, connections) = state.withLockedValue { state in
      state.isShuttingDown = true
      return (state.channel, Array(state.connections.values))
    }
    do { try channel?.close().wait() } catch { broker.logger.debug("Listener closed", metadata: ["error": "\(error)"]) }
    for connection in connections { connection.eventLoop.execute { connection.close() } }
  }

  /// The kernel's default may be tuned for long distances (BBR), which halves throughput on a local network; see
  /// `network.tcp_congestion`. A name that the kernel does not know leaves the default.
  private func setCongestion(_ name: String, of channel: any Channel) {
    guard let provider = channel as? any SocketOptionProvider else { return }
    var value: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: name.utf8.prefix(15)) }
    let tcp = NIOBSDSocket.OptionLevel(rawValue: 6)
    let congestion = NIOBSDSocket.Option(rawValue: 13)
    provider.unsafeSetSocketOption(level: tcp, name: congestion, value: value).whenFailure { [broker] error in
      broker.logger.debug("TCP congestion control not set", metadata: ["error": "\(error)"])
    }
  }
}

extension Duration {
  /// Whole nanoseconds; saturates after 292 years.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : product + attoseconds / 1_000_000_000
  }

  /// Whole milliseconds.
  var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
