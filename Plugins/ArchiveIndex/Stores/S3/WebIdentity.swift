import TierKit

/// Credentials for a token of somebody else's, such as a Kubernetes service account's: STS's AssumeRoleWithWebIdentity.
struct WebIdentity {
  private let tokenFile: String
  private let role: String
  private let session: String
  private let address: String
  private let request: CredentialsRequest
  private static let who = "the token service (STS)"

  init(
    tokenFile: String, _ environment: [String: String], _ region: String, _ request: CredentialsRequest
  ) throws(TierError) {
    guard let role = environment["AWS_ROLE_ARN"] else {
      throw TierError(.invalidConfiguration, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")
    }
    self.tokenFile = tokenFile
    self.role = role
    session = environment["AWS_ROLE_SESSION_NAME"] ?? "chronik"
    let suffix = region.hasPrefix("cn-") ? ".cn" : ""
    var address =
      environment["AWS_ENDPOINT_URL_STS"] ?? "https://sts.\(region).amazonaws.com\(suffix)"
    while address.hasSuffix("/") { address.removeLast() }
    guard address.hasPrefix("https://") || address.hasPrefix("http://"), address.utf8.allSatisfy(Credentials.isPlain)
    else { throw TierError(.invalidConfiguration, "AWS_ENDPOINT_URL_STS: '\(address)' is no https:// address") }
    self.address = address
    self.request = request
  }

  func fetch(_ scope: CallScope) throws(TierError) -> DatedCredentials {
    try request.repeated(scope) { (scope) throws(TierError) in
      // Read again each time: the platform replaces the file.
      guard let token = try SmallFile.token(tokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE:") else {
        throw TierError(.invalidConfiguration, "AWS_WEB_IDENTITY_TOKEN_FILE: there is no token in \(tokenFile)")
      }
      let form = Signature.canonicalQuery([
        ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
        ("RoleSessionName", session), ("WebIdentityToken", token),
      ])
      let outcome = try withStableBytes(Array(form.utf8)) { (body) throws(TierError) in
        try request.ask(
          Self.who, "POST", address + "/", [("Content-Type", "application/x-www-form-urlencoded")], [body],
          isLocal: false, scope)
      }
      switch outcome {
      case .answer(let response): return try credentials(response)
      case .nobody(let why):
        try scope.check("asking \(Self.who)")
        throw TierError(.retriable, "\(Self.who) at \(address) cannot be asked for credentials: \(why)")
      }
    }
  }

  private func credentials(_ response: HTTPResponse) throws(TierError) -> DatedCredentials {
    let root = XMLElement.parse(response.body)
    guard response.status == 200 else {
      let error = root?.first("Error")
      let code = error?.text("Code") ?? ""
      let text =
        "\(Self.who) answered \(response.status) \(code) to AssumeRoleWithWebIdentity of \(role): "
        + (error?.text("Message")?.prefix(200) ?? "no reason given")
      let isTemporary =
        response.status >= 500 || response.status == 429 || code == "Throttling" || code == "IDPCommunicationError"
      throw TierError(isTemporary ? .retriable : .invalidConfiguration, text)
    }
    let found = root?.first("AssumeRoleWithWebIdentityResult")?.first("Credentials")
    return try request.dated(
      found?.text("AccessKeyId"), found?.text("SecretAccessKey"), found?.text("SessionToken"),
      end: found?.text("Expiration"), Self.who)
  }
}
