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
      and serves Kafka clients until SIGTERM or SIGINT (Ctrl-C). Options
      replace the settings of the file. Without --config no file is read,
      also none that lies in the working directory.

      Examples:
        chronik serve
        chronik serve --config chronik.yaml --listen 127.0.0.1:9092
        chronik serve --data-dir /var/lib/chronik --listen 0.0.0.0:9092 \\
          --advertised broker1.example.org:9092

      Exit codes: 0 stopped as asked, 1 could not start or failed, 64 wrong
      usage, 78 wrong configuration.
      """)

  @OptionGroup var options: ConfigurationOptions
  @Option(
    name: .long, help: ArgumentHelp("Where the broker keeps its data. (default: ./chronik-data)", valueName: "dir"))
  var dataDir: String?
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The address to serve; port 0 picks a free one. (default: 127.0.0.1:9092)", valueName: "host:port"))
  var listen: String?
  @Option(
    name: .long,
    help: ArgumentHelp("The address that clients are told to use. (default: that of --listen)", valueName: "host:port"))
  var advertised: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The address of the HTTP port (search, health), or off. (default: 127.0.0.1:9643)", valueName: "host:port|off"))
  var httpListen: String?

  public init() {}

  public func run() async throws {
    let checked = try LoadedChain.load(
      options.config,
      CommandLineOverrides(dataDirectory: dataDir, listen: listen, advertised: advertised, httpListen: httpListen))
    let settings = checked.loaded.configuration
    let level = LogLevelSwitch(settings.log.level)
    let logger = LogOutput.logger(settings.log.format, level: level)
    // The service starts the broker, so that signals are handled from before the first line is printed.
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          .init(
            service: BrokerService(checked: checked, logger: logger, logLevel: level),
            successTerminationBehavior: .gracefullyShutdownGroup)
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    do {
      try await group.run()
    } catch let failure as FailedStorage {
      Terminal.complain("chronik: \(failure)")
      throw ExitCode.failure
    } catch {
      Terminal.complain("chronik: cannot start: \(error)")
      throw ExitCode.failure
    }
    let fate = checked.isDurable ? "on disk" : "gone with it: the chain is volatile"
    Terminal.announce("chronik stopped; everything acknowledged is \(fate).")
  }
}

/// Starts the broker, keeps it running until shutdown is asked for, then stops it.
private struct BrokerService: Service, CustomStringConvertible {
  /// The service group logs its services at level debug: not with the configuration, which may hold secrets.
  let description = "broker"
  let checked: LoadedChain
  let logger: Logger
  let logLevel: LogLevelSwitch

  func run() async throws {
    let broker = try await BlockingThread.value {
      let broker = try Broker(
        checked.loaded.configuration, chain: checked.chain, compaction: checked.compaction, plugins: checked.plugins,
        logger: logger, logLevel: logLevel)
      do {
        let bound = try broker.start()
        Terminal.announce(StartBanner.text(checked, broker, bound))
      } catch {
        broker.stop()
        throw error
      }
      return broker
    }
    try await gracefulShutdown()
    let failedCount = try await BlockingThread.value {
      broker.stop()
      return broker.failedPartitionCount
    }
    if failedCount > 0 { throw FailedStorage(partitionCount: failedCount) }
  }
}

/// The broker stopped with partitions whose storage had failed.
private struct FailedStorage: Error, CustomStringConvertible {
  var partitionCount: Int
  var description: String {
    "stopped; the storage of \(partitionCount) partitions had failed (see the log): what they acknowledged with acks=all "
      + "was flushed before, what they acknowledged with less may be lost"
  }
}

/// The few lines that say what is running.
private enum StartBanner {
  static func text(_ checked: LoadedChain, _ broker: Broker, _ bound: Endpoint) -> String {
    let settings = checked.loaded.configuration
    let chain = checked.chain.tiers.enumerated().map { index, tier in
      let role =
        index == checked.chain.commitTierIndex
        ? "commit tier" : index < checked.chain.commitTierIndex ? "cache" : "below"
      return "  \(index + 1). \(tier.instanceName)  (\(role); \(tier.descriptor.abilities))"
    }
    let durability =
      broker.chain.isDurable
      ? "durability \(settings.durability.mode.rawValue)" : "volatile: acknowledged records do not survive a restart"
    return
      ([
        "chronik: node \(broker.nodeID) of cluster \(broker.clusterID), data in "
          + "\(settings.dataDirectory), \(durability)"
      ]
      + chain + (broker.httpEndpoint.map { ["chronik: HTTP on \($0)"] } ?? [])
      + ["chronik: \(broker.topics.all.count) topics, listening on \(bound), clients are told \(broker.advertised)"])
      .joined(separator: "\n")
  }
}
