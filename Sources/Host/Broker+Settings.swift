import Configuration
import KafkaProtocol
import Logging

/// Settings that change while the broker runs.
extension Broker {
  /// Puts settings, which were checked, in force: durable when they are visible, and known to every topic when
  /// `answer` is called, once, on the controller thread. On the controller thread; blocks for the file alone.
  func adopt(_ dynamic: DynamicBrokerSettings, _ answer: @escaping @Sendable (AppendRefusal?) -> Void) {
    let before = settings.current
    do throws(AppendRefusal) {
      try topics.checkOpen()
      if dynamic != before.dynamic { try store(dynamic) }
    } catch {
      return answer(error)
    }
    if settings.current.connectionCountMax != before.connectionCountMax { warnOfMissingDescriptors() }
    topics.adoptDefaults { failure in
      answer(failure.map { AppendRefusal(code: .kafkaStorageError, message: "\($0)") })
    }
  }

  private func store(_ dynamic: DynamicBrokerSettings) throws(AppendRefusal) {
    do throws(BrokerSettingsFile.Failure) {
      try settings.replace(dynamic)
    } catch {
      logger.error("The broker's settings could not be stored", metadata: ["error": "\(error)"])
      throw AppendRefusal(code: .kafkaStorageError, message: "\(error)")
    }
    logger.info(
      "Changed the broker's settings",
      metadata: ["broker": "\(dynamic.broker)", "cluster": "\(dynamic.cluster)"])
  }

  func warnOfMissingDescriptors() {
    descriptorLimit.warn(wanted: settings.current.connectionCountMax, logger: logger)
  }
}
