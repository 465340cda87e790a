import TierKit

/// Where credentials come from, in this order: the settings, `credentials_file`, the environment, a web identity
/// (AWS_WEB_IDENTITY_TOKEN_FILE), AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, the container's role, the
/// instance's role. The first source that is set up is asked and no other: what it refuses, another one does not
/// replace.
struct CredentialsChain: Sendable {
  let configuration: S3Configuration
  let environment: [String: String]
  let host: HostServices

  /// Blocks for the disk and for services. `invalidConfiguration`: no source is set up, or the one that is cannot work;
  /// `retriable`: it may work later.
  func fetch(_ transport: any HTTPTransport, _ scope: CallScope) throws(TierError) -> DatedCredentials {
    if let kept = try settings() { return kept }
    if let kept = try ownFile() { return kept }
    if let kept = try variables() { return kept }
    let asking = CredentialsRequest(transport: transport, host: host)
    if let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] {
      return try WebIdentity(tokenFile: file, environment, configuration.region, asking).fetch(scope)
    }
    if let kept = try sharedFile() { return kept }
    if let container = try ContainerCredentials(environment, asking) { return try container.fetch(scope) }
    guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else {
      throw Self.none("AWS_EC2_METADATA_DISABLED keeps it from asking for the instance's role")
    }
    return try InstanceProfile(environment, asking).fetch(scope)
  }

  private func settings() throws(TierError) -> DatedCredentials? {
    guard let id = configuration.accessKeyID, let secret = configuration.secretAccessKey else { return nil }
    let found = Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: configuration.sessionToken)
    guard found.isWellFormed else {
      throw TierError(
        .invalidConfiguration, "access_key_id, secret_access_key or session_token has a character that no key has")
    }
    return DatedCredentials(credentials: found)
  }

  private func ownFile() throws(TierError) -> DatedCredentials? {
    guard let path = configuration.credentialsFile else { return nil }
    guard let found = try CredentialsFile.load(path, profile: configuration.profile) else {
      throw TierError(.invalidConfiguration, "credentials_file: there is no file \(path)")
    }
    return DatedCredentials(credentials: found, refresh: soon)
  }

  private func variables() throws(TierError) -> DatedCredentials? {
    let id = environment["AWS_ACCESS_KEY_ID"]
    let secret = environment["AWS_SECRET_ACCESS_KEY"]
    if id == nil, secret == nil { return nil }
    let found = Credentials(
      accessKeyID: id ?? "", secretAccessKey: secret ?? "", sessionToken: environment["AWS_SESSION_TOKEN"])
    guard found.isWellFormed else {
      throw TierError(
        .invalidConfiguration,
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: one is not set, or has a character that no key has")
    }
    return DatedCredentials(credentials: found)
  }

  private func sharedFile() throws(TierError) -> DatedCredentials? {
    let named = environment["AWS_SHARED_CREDENTIALS_FILE"]
    guard let path = named ?? environment["HOME"].map({ "\($0)/.aws/credentials" }) else { return nil }
    // Who names a file or a profile means it; a file at the usual place may be there for something else.
    let isMeant = named != nil || configuration.isProfileChosen
    if let found = try CredentialsFile.load(path, profile: configuration.profile, mayBeAbsent: !isMeant) {
      return DatedCredentials(credentials: found, refresh: soon)
    }
    if isMeant {
      throw TierError(
        .invalidConfiguration,
        "there is no credentials file \(path), where the profile '\(configuration.profile)' is looked for")
    }
    return nil
  }

  /// Files are read again every minute.
  private var soon: Int64 { host.wallClockMilliseconds + StoreLimits.credentialsFileAgeMilliseconds }

  static let supported =
    "supported are access_key_id and secret_access_key, credentials_file, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    + "AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, ~/.aws/credentials, a container's "
    + "role and an instance's role (IMDSv2)"

  static func none(_ why: String) -> TierError {
    TierError(.invalidConfiguration, "no credentials for s3: \(why); \(supported)")
  }
}

/// Credentials with the time at which they are fetched again.
struct DatedCredentials: Sendable {
  var credentials: Credentials
  /// Milliseconds since 1970; nil: never.
  var refresh: Int64?

  init(credentials: Credentials, refresh: Int64? = nil) {
    self.credentials = credentials
    self.refresh = refresh
  }

  /// Temporary ones. `end`: milliseconds since 1970. Some are handed out again although they have ended, and this
  /// machine's clock may be wrong: they are used as they are, and not asked for with every request.
  init(_ credentials: Credentials, end: Int64, now: Int64) {
    let margin = min(StoreLimits.credentialsMarginMilliseconds, max(0, end - now) / 2)
    self.init(credentials: credentials, refresh: max(end - margin, now + StoreLimits.credentialsRetryMilliseconds))
  }
}
