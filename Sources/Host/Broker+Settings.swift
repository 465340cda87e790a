import Configuration
import KafkaProtocol
import Logging

/// Settings that change while the broker runs.
extension Broker {
  /// Puts settings, which were checked, in force: durable when they are visible, and known to every topic when
  /// `answer` is called, once, on the controller thread. On the controller thread; blocks for the file alone.
  ///
  /// Settings of which it is not known whether they survive a power failure are in force as well; the answer says so.
  func adopt(_ dynamic: DynamicBrokerSettings, _ answer: @escaping @Sendable (AppendRefusal?) -> Void) {
    let before = settings.current
    let refusal: AppendRefusal?
    do throws(AppendRefusal) {
      try topics.checkOpen()
      try store(dynamic)
      refusal = nil
    } catch {
      guard settings.current.dynamic != before.dynamic else { return answer(error) }
      refusal = error
    }
    if settings.current.connectionCountMax != before.connectionCountMax { warnOfMissingDescriptors() }
    topics.adoptDefaults { failure in
      answer(refusal ?? failure.map { AppendRefusal(code: .kafkaStorageError, message: "\($0)") })
    }
  }

  private func store(_ dynamic: DynamicBrokerSettings) throws(AppendRefusal) {
    let before = settings.current.dynamic
    do throws(BrokerSettingsFile.Failure) {
      try settings.replace(dynamic)
    } catch {
      logger.error("The broker's settings could not be stored", metadata: ["error": "\(error)"])
      throw AppendRefusal(code: .kafkaStorageError, message: "\(error)")
    }
    guard dynamic != before else { return }
    logger.info(
      "Changed the broker's settings",
      metadata: ["broker": "\(dynamic.broker)", "cluster": "\(dynamic.cluster)"])
  }

  func warnOfMissingDescriptors() {
    descriptorLimit.warn(wanted: settings.current.connectionCountMax, logger: logger)
  }
}
