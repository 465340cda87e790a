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
  private let connectionsMax: @Sendable () -> Int
  private let state = NIOLockedValueBox(State())

  private struct State {
    var channel: (any Channel)?
    var connections: [UInt64: Connection] = [:]
    var nextID: UInt64 = 0
    var isShuttingDown = false
    /// Since the last connection that was admitted.
    var refusals = 0
  }

  /// `connectionsMax`: what holds now of `network.max_connections`, or fewer where the process has not enough
  /// descriptors.
  init(
    broker: Broker, group: MultiThreadedEventLoopGroup, network: Configuration.Network,
    connectionsMax: @escaping @Sendable () -> Int
  ) {
    self.broker = broker
    self.group = group
    self.network = network
    self.connectionsMax = connectionsMax
  }

  /// Binds and begins to accept; returns the port, which differs from the endpoint's when that is 0. `bound` learns it
  /// before the first connection is accepted.
  func start(_ endpoint: Endpoint, bound: @escaping @Sendable (UInt16) -> Void) throws -> UInt16 {
    let congestion = network.tcpCongestion
    let limits = ConnectionLimits(
      requestByteCountMax: network.maxRequestBytes, inFlightRequestsMax: network.maxInflightRequestsPerConnection,
      idleTimeout: .nanoseconds(network.idleTimeout.nanoseconds),
      stallTimeout: .nanoseconds(network.stallTimeout.nanoseconds))
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
      }
      .serverChannelOption(.backlog, value: NetworkLimits.backlog)
      .serverChannelOption(.autoRead, value: false)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: NetworkLimits.readsPerTurn)
      .childChannelOption(.recvAllocator, value: BudgetedReceiveAllocator(budget: broker.inFlight))
      .childChannelOption(
        .writeBufferWaterMark,
        value: .init(low: NetworkLimits.unsentByteCountLow, high: NetworkLimits.unsentByteCountHigh))
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

  /// The connection of a channel that was accepted; nil when there are too many.
  private func admit(_ channel: any Channel, _ limits: ConnectionLimits) -> Connection? {
    let connectionsMax = connectionsMax()
    let (admitted, refusals) = state.withLockedValue { state -> (Connection?, Int) in
      guard !state.isShuttingDown, state.connections.count < connectionsMax else {
        state.refusals += 1
        return (nil, state.refusals)
      }
      state.nextID += 1
      state.refusals = 0
      let connection = Connection(
        broker: broker, id: state.nextID, eventLoop: channel.eventLoop, limits: limits)
      state.connections[connection.id] = connection
      return (connection, 0)
    }
    guard let admitted else {
      // Once, not for each: clients that are refused try again.
      if refusals == 1 {
        broker.logger.warning(
          "Refusing connections: network.max_connections is reached", metadata: ["connections": "\(connectionsMax)"])
      }
      return nil
    }
    // Not the handler's inactivity: a channel that fails before it is active has none.
    let id = admitted.id
    channel.closeFuture.whenComplete { [self] _ in state.withLockedValue { $0.connections[id] = nil } }
    return admitted
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
