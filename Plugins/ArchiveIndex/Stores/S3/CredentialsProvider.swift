import TierKit

/// Where credentials come from, in this order: the settings, `credentials_file`, the environment,
/// AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, the instance's role. The first source that has any wins; its
/// credentials are kept until shortly before they end (files: a minute), and fetched by one call while others wait.
final class CredentialsProvider: Sendable {
  struct Dated: Sendable {
    var credentials: Credentials
    /// Milliseconds since 1970 after which they are fetched again; nil: never.
    var refresh: Int64?
    /// Milliseconds since 1970 after which they are of no use; nil: never.
    var end: Int64?
  }

  private struct State {
    var known: Dated?
    var isFetching = false
  }

  private let configuration: S3Configuration
  private let environment: [String: String]
  private let host: HostServices
  private let state = Monitor(State())

  init(_ configuration: S3Configuration, _ environment: [String: String], _ host: HostServices) {
    self.configuration = configuration
    self.environment = environment
    self.host = host
  }

  /// Blocks while credentials are fetched. `invalidConfiguration`: no source has any.
  func credentials(_ transport: any HTTPTransport, _ scope: CallScope) throws(TierError) -> Credentials {
    while true {
      let now = host.wallClockMilliseconds
      // Nil: this call is the one to fetch.
      let answer: Credentials?? = state.wait(atMost: StoreLimits.cancellationTickNanoseconds) { state in
        if let known = state.known, known.refresh.map({ now < $0 }) ?? true { return .some(known.credentials) }
        if state.isFetching { return nil }
        state.isFetching = true
        return .some(nil)
      }
      if case .some(.some(let credentials)) = answer { return credentials }
      if case .some(.none) = answer { return try refresh(transport, scope) }
      try scope.check("waiting for credentials")
    }
  }

  /// The service calls them expired or unknown: the next call fetches others, if they are still these.
  func reject(_ credentials: Credentials) {
    state.change { if $0.known?.credentials == credentials { $0.known?.refresh = .min } }
  }

  private func refresh(_ transport: any HTTPTransport, _ scope: CallScope) throws(TierError) -> Credentials {
    do throws(TierError) {
      let fetched = try fetch(transport, scope)
      state.change {
        $0.known = fetched
        $0.isFetching = false
      }
      return fetched.credentials
    } catch {
      let now = host.wallClockMilliseconds
      let old = state.change { state in
        state.isFetching = false
        return state.known.flatMap { known in known.end.map { now < $0 } ?? true ? known : nil }
      }
      guard let old, error.code == .retriable else { throw error }
      host.log(.warning, "credentials cannot be refreshed; the old ones are used to their end", [("error", error.message)])
      return old.credentials
    }
  }

  private func fetch(_ transport: any HTTPTransport, _ scope: CallScope) throws(TierError) -> Dated {
    if let id = configuration.accessKeyID, let secret = configuration.secretAccessKey {
      return Dated(
        credentials: Credentials(
          accessKeyID: id, secretAccessKey: secret, sessionToken: configuration.sessionToken))
    }
    let soon = host.wallClockMilliseconds + 60_000
    if let path = configuration.credentialsFile {
      guard let found = try CredentialsFile.load(path, profile: configuration.profile) else {
        throw TierError(.invalidConfiguration, "credentials_file: there is no file \(path)")
      }
      return Dated(credentials: found, refresh: soon)
    }
    if let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"], !id.isEmpty {
      return Dated(
        credentials: Credentials(
          accessKeyID: id, secretAccessKey: secret, sessionToken: environment["AWS_SESSION_TOKEN"]))
    }
    let path = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? environment["HOME"].map { "\($0)/.aws/credentials" }
    if let path, let found = try CredentialsFile.load(path, profile: configuration.profile) {
      return Dated(credentials: found, refresh: soon)
    }
    guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { throw Self.none }
    let address = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
    return try InstanceProfile(address: address, transport: transport, host: host).fetch(scope)
  }

  static let none = TierError(
    .invalidConfiguration,
    "no credentials for s3: set credentials_file, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run on an instance "
      + "with a role")
}
