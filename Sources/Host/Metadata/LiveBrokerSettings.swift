import Configuration
import KafkaProtocol
import Logging
import NIOConcurrencyHelpers

/// The broker's settings as they hold now, and the only place where they change.
///
/// Reading is for any thread and does not block; changes are made on the controller thread, one at a time.
final class LiveBrokerSettings: Sendable {
  private let file: BrokerSettingsFile
  private let state: NIOLockedValueBox<BrokerSettings>

  /// Reads what clients have set before. Blocks.
  init(_ configuration: Configuration, logger: Logger) throws(BrokerSettingsFile.Failure) {
    file = BrokerSettingsFile(directory: configuration.dataDirectory)
    let (kept, dropped) = try file.loadUsable()
    if !dropped.isEmpty {
      logger.warning(
        "Settings that clients gave this broker are ignored: this release does not take them",
        metadata: ["settings": "\(dropped.joined(separator: ", "))", "file": "\(file.path)"])
    }
    let settings = BrokerSettings(configuration, dynamic: kept)
    for problem in settings.conflicts {
      logger.warning(
        "A setting that a client gave this broker does not fit the configuration file",
        metadata: ["problem": "\(problem)"])
    }
    state = NIOLockedValueBox(settings)
  }

  var current: BrokerSettings { state.withLockedValue { $0 } }

  /// Puts `dynamic`, which was checked, in force: durable first, then visible. On the controller thread; blocks.
  /// Nothing is changed when it throws.
  func replace(_ dynamic: DynamicBrokerSettings) throws(BrokerSettingsFile.Failure) {
    try file.save(dynamic)
    state.withLockedValue { $0 = BrokerSettings($0.configuration, dynamic: dynamic) }
  }
}
