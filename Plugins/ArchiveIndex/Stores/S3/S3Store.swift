import Glibc
import Synchronization
import TierAPI
import TierKit

/// The store `s3`: objects of a bucket of any service that speaks S3's protocol.
///
/// Before the first object is touched the store shows itself that bucket and credentials are right, whether the service
/// honours `If-None-Match: *` (some ignore it and overwrite) and whether it takes CRC-32C checksums; and it aborts
/// multipart uploads that a crash left. When the service cannot be reached at the start, the first call that can does
/// this.
public final class S3Store: ObjectStore {
  public static let description = StoreDescription(
    id: "chronik.store.s3", name: "s3", version: "1.0.0",
    summary: "Keeps objects in a bucket of an S3-compatible service.",
    keys: S3Configuration.keys)

  /// What the service can do, as its answers showed.
  struct Abilities: Sendable, Equatable {
    /// A put with If-None-Match fails when the object exists.
    var conditionalPuts: Bool
    /// x-amz-checksum-crc32c is accepted.
    var checksums: Bool
    /// Listings have the order of the keys' bytes; some services list directory by directory.
    var ordersByKey = true
  }

  private enum Readiness {
    case unknown
    case preparing
    case ready(Abilities)
  }

  let configuration: S3Configuration
  let host: HostServices
  let metrics: StoreMetrics
  let gate = CallGate()
  private let environment: [String: String]
  private let makeTransport: @Sendable (S3Configuration) throws(TierError) -> any HTTPTransport
  private let lazyClient = Mutex<S3Client?>(nil)
  private let readiness = Monitor(Readiness.unknown)

  public convenience init(host: HostServices, options: StoreOptions) throws(TierError) {
    try self.init(host: host, options: options, environment: Self.processEnvironment())
  }

  init(
    host: HostServices, options: StoreOptions, environment: [String: String],
    makeTransport: @escaping @Sendable (S3Configuration) throws(TierError) -> any HTTPTransport = S3Store.curl
  ) throws(TierError) {
    configuration = try S3Configuration(options, environment: environment)
    self.host = host
    self.environment = environment
    self.makeTransport = makeTransport
    metrics = StoreMetrics(host: host)
  }

  deinit { lazyClient.withLock { $0?.stop() } }

  public func start(_ call: StoreCall) throws(TierError) {
    try gate.enter { () throws(TierError) in _ = try ready(CallScope(call, gate, host)) }
  }

  public func stop() {
    gate.close()
    lazyClient.withLock { client in
      client?.stop()
      client = nil
    }
  }

  /// Threads begin with the first request: create() may have none.
  func client() throws(TierError) -> S3Client {
    try lazyClient.withLock { (client) throws(TierError) in
      if let client { return client }
      let made = S3Client(
        configuration, host, try makeTransport(configuration), CredentialsProvider(configuration, environment, host))
      client = made
      return made
    }
  }

  /// Prepares once; calls that come meanwhile wait for it.
  func ready(_ scope: CallScope) throws(TierError) -> Abilities {
    while true {
      // .some(nil): this call is the one to prepare.
      let answer: Abilities?? = readiness.wait(atMost: StoreLimits.cancellationTickNanoseconds) { state in
        switch state {
        case .ready(let abilities): return .some(abilities)
        case .preparing: return nil
        case .unknown:
          state = .preparing
          return .some(nil)
        }
      }
      if case .some(.some(let abilities)) = answer { return abilities }
      if case .some(.none) = answer {
        do throws(TierError) {
          let abilities = try prepare(scope)
          readiness.change { $0 = .ready(abilities) }
          return abilities
        } catch {
          readiness.change { $0 = .unknown }
          throw error
        }
      }
      try scope.check("preparing s3://\(configuration.bucket)")
    }
  }

  /// What every call has in common.
  func call<R>(
    _ operation: StoreOperation, _ call: StoreCall, _ body: (CallScope, Abilities) throws(TierError) -> R
  ) throws(TierError) -> R {
    try metrics.measure(operation) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        let scope = CallScope(call, gate, host)
        return try body(scope, try ready(scope))
      }
    }
  }

  func fullKey(_ key: String) -> String { configuration.prefix + key }

  static let curl: @Sendable (S3Configuration) throws(TierError) -> any HTTPTransport = {
    (configuration) throws(TierError) in
    guard let made = CurlTransport(connectionsMax: configuration.connectionsMax, tls: configuration.tls) else {
      throw TierError(.retriable, "no thread or memory for connections to the object store")
    }
    return made
  }

  /// Variables that mean something to this store.
  static let environmentNames = [
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "HOME",
  ]

  private static func processEnvironment() -> [String: String] {
    Dictionary(uniqueKeysWithValues: environmentNames.compactMap { name in
      getenv(name).map { (name, String(cString: $0)) }
    }.filter { !$0.1.isEmpty })
  }
}
