/// Settings that Kafka changes while it runs, for parts of Kafka that this broker does not have: tools and tests set
/// them, so they are accepted, kept and described, and do nothing.
///
/// Only timings and sizes are among them. What names an identity, a mechanism, a key or a limit is refused instead
/// (`BrokerConfiguration.check`): whoever sets such a thing relies on it.
extension BrokerConfiguration {
  private static let count: KafkaValueRule = .integer(1...Int64(Int32.max))
  private static let rate: KafkaValueRule = .integer(0...Int64.max)
  private static let unlimited = String(Int64.max)

  static let stored: [BrokerConfigDefinition] = kerberos + login + threads + replication

  private static let kerberos: [BrokerConfigDefinition] = [
    stored("sasl.kerberos.min.time.before.relogin", .long, "60000", .integer(0...Int64.max), .broker, "no SASL"),
    stored("sasl.kerberos.ticket.renew.jitter", .double, "0.05", .decimal(0...1), .broker, "no SASL"),
    stored("sasl.kerberos.ticket.renew.window.factor", .double, "0.8", .decimal(0...1), .broker, "no SASL"),
  ]

  private static let login: [BrokerConfigDefinition] = [
    stored("sasl.login.refresh.buffer.seconds", .short, "300", .integer(0...3600), .broker, "no SASL"),
    stored("sasl.login.refresh.min.period.seconds", .short, "60", .integer(0...900), .broker, "no SASL"),
    stored("sasl.login.refresh.window.factor", .double, "0.8", .decimal(0.5...1), .broker, "no SASL"),
    stored("sasl.login.refresh.window.jitter", .double, "0.05", .decimal(0...0.25), .broker, "no SASL"),
  ]

  private static let threads: [BrokerConfigDefinition] = [
    stored("background.threads", .int, "10", count, .cluster, "no such threads"),
    stored("log.cleaner.threads", .int, "1", .integer(0...Int64(Int32.max)), .cluster, "one thread that compacts"),
    stored("num.io.threads", .int, "8", count, .cluster, "no such threads"),
    stored("num.recovery.threads.per.data.dir", .int, "2", count, .cluster, "no such threads"),
    stored("num.replica.fetchers", .int, "1", count, .cluster, "no replicas elsewhere"),
  ]

  private static let replication: [BrokerConfigDefinition] = [
    stored("follower.replication.throttled.rate", .long, unlimited, rate, .cluster, "no replicas elsewhere"),
    stored("leader.replication.throttled.rate", .long, unlimited, rate, .cluster, "no replicas elsewhere"),
    stored("replica.alter.log.dirs.io.max.bytes.per.second", .long, unlimited, rate, .cluster, "one data directory"),
  ]

  private static func stored(
    _ name: String, _ type: KafkaConfigType, _ value: String, _ rule: KafkaValueRule, _ scope: DynamicScope,
    _ there: String
  ) -> BrokerConfigDefinition {
    BrokerConfigDefinition(
      definition: KafkaConfigDefinition(
        name, type, value, rule, "Accepted and kept for tools, without effect: there is \(there) here."),
      origin: .stored, scope: scope)
  }
}
