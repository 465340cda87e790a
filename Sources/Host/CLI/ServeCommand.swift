public import ArgumentParser
import Configuration
import Glibc
import Logging
import ServiceLifecycle

/// `chronik serve`: the broker.
public struct ServeCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the broker.",
    discussion: """
      Loads the tiers that the configuration declares, recovers their data
      and serves Kafka clients until SIGTERM or SIGINT. Options replace the
      settings of the file.

      Examples:
        chronik serve
        chronik serve --config chronik.yaml --listen 127.0.0.1:9092
        chronik serve --data-dir /var/lib/chronik --listen 0.0.0.0:9092 \
          --advertised broker1.example.org:9092
      """)

  @OptionGroup var options: ConfigurationOptions
  @Option(name: .long, help: ArgumentHelp("Where the broker keeps its data.", valueName: "dir"))
  var dataDir: String?
  @Option(name: .long, help: ArgumentHelp("The address to serve; port 0 picks a free one.", valueName: "host:port"))
  var listen: String?
  @Option(name: .long, help: ArgumentHelp("The address that clients are told to use.", valueName: "host:port"))
  var advertised: String?

  public init() {}

  public func run() async throws {
    let checked = try LoadedChain.load(
      options.config, CommandLineOverrides(dataDirectory: dataDir, listen: listen, advertised: advertised))
    let settings = checked.loaded.configuration
    let logger = LogOutput.logger(settings.log)
    let broker: Broker
    let bound: Endpoint
    do {
      broker = try Broker(settings, chain: checked.chain, plugins: checked.plugins, logger: logger)
      bound = try broker.start()
    } catch {
      Terminal.complain("chronik: cannot start: \(error)")
      throw ExitCode.failure
    }
    Terminal.say(StartBanner.text(checked, broker, bound))
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: BrokerService(broker: broker))], gracefulShutdownSignals: [.sigterm, .sigint],
        logger: logger))
    try await group.run()
    Terminal.say("chronik stopped; everything acknowledged is on disk.")
  }
}

/// Keeps the broker running until shutdown is asked for, then stops it.
private struct BrokerService: Service {
  let broker: Broker

  func run() async throws {
    try await gracefulShutdown()
    await withCheckedContinuation { continuation in
      // Stopping waits for threads and disks, which a task must not do.
      BlockingThread.run { [broker] in
        broker.stop()
        continuation.resume()
      }
    }
  }
}

/// The few lines that say what is running.
private enum StartBanner {
  static func text(_ checked: LoadedChain, _ broker: Broker, _ bound: Endpoint) -> String {
    let settings = checked.loaded.configuration
    let chain = checked.chain.tiers.enumerated().map { index, tier in
      let role = index == checked.chain.commitTierIndex ? "commit tier" : index < checked.chain.commitTierIndex ? "cache" : "below"
      return "  \(index + 1). \(tier.instanceName)  (\(role); \(tier.descriptor.abilities))"
    }
    let durability =
      broker.chain.isDurable
      ? "durability \(settings.durability.mode.rawValue)" : "volatile: acknowledged records do not survive a restart"
    return (["chronik: node \(broker.nodeID) of cluster \(broker.clusterID), data in \(settings.dataDirectory), \(durability)"]
      + chain + ["chronik: \(broker.topics.all.count) topics, listening on \(bound), clients are told \(broker.advertised)"])
      .joined(separator: "\n")
  }
}
