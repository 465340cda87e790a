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
  /// The file may have older settings after a power failure.
  private let isUncertain = NIOLockedValueBox(false)

  /// Reads what clients have set before. Blocks. `file`: instead of the one in the data directory.
  init(
    _ configuration: Configuration, logger: Logger, file: BrokerSettingsFile? = nil
  ) throws(BrokerSettingsFile.Failure) {
    let file = file ?? BrokerSettingsFile(directory: configuration.dataDirectory)
    self.file = file
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

  /// Puts `dynamic`, which was checked, in force: durable first, then visible. Writes nothing when it is in force and
  /// durable already. On the controller thread; blocks.
  ///
  /// When it throws, ``current`` says what is in force, which is what the file holds: mostly what was before. Where
  /// only the durability is unknown it is `dynamic`, and the next call writes it again, so that nobody is told of
  /// success before it is durable.
  func replace(_ dynamic: DynamicBrokerSettings) throws(BrokerSettingsFile.Failure) {
    guard dynamic != current.dynamic || isUncertain.withLockedValue({ $0 }) else { return }
    do throws(BrokerSettingsFile.Failure) {
      try file.save(dynamic)
      isUncertain.withLockedValue { $0 = false }
    } catch {
      guard error.isOnlyNotDurable else { throw error }
      isUncertain.withLockedValue { $0 = true }
      adopt(dynamic)
      throw error
    }
    adopt(dynamic)
  }

  private func adopt(_ dynamic: DynamicBrokerSettings) {
    state.withLockedValue { $0 = BrokerSettings($0.configuration, dynamic: dynamic) }
  }
}
