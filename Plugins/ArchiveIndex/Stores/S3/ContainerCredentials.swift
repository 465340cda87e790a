import TierKit

/// Credentials of a container's role (ECS, EKS Pod Identity): one request to an address in the environment.
struct ContainerCredentials {
  private let url: String
  private let environment: [String: String]
  private let request: CredentialsRequest
  private static let who = "the container's credentials service"

  /// Nil: the environment names none.
  init?(_ environment: [String: String], _ request: CredentialsRequest) throws(TierError) {
    if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      guard path.hasPrefix("/"), path.utf8.allSatisfy(Credentials.isPlain) else {
        throw TierError(.invalidConfiguration, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '\(path)' is no path")
      }
      url = "http://169.254.170.2\(path)"
    } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
      guard Self.isAllowed(full) else {
        throw TierError(
          .invalidConfiguration,
          "AWS_CONTAINER_CREDENTIALS_FULL_URI: '\(full)' is neither https:// nor "
            + "http:// to this machine or its platform"
        )
      }
      url = full
    } else {
      return nil
    }
    self.environment = environment
    self.request = request
  }

  func fetch(_ scope: CallScope) throws(TierError) -> DatedCredentials {
    try request.repeated(scope) { (scope) throws(TierError) in
      let header = try token().map { [("Authorization", $0)] } ?? []
      switch try request.ask(Self.who, "GET", url, header, isLocal: true, scope) {
      case .answer(let response) where response.status == 200: return try request.decoded(response.body, Self.who)
      case .answer(let response) where [400, 401, 403, 404].contains(response.status):
        throw TierError(
          .invalidConfiguration,
          "\(Self.who) at \(url) refuses with \(response.status): check the role and AWS_CONTAINER_AUTHORIZATION_TOKEN")
      case .answer(let response): throw TierError(.retriable, "\(Self.who) at \(url) answered \(response.status)")
      case .nobody(let why):
        try scope.check("asking \(Self.who)")
        throw TierError(.retriable, "\(Self.who) at \(url) cannot be asked for credentials: \(why)")
      }
    }
  }

  /// Read again each time: the platform replaces the file.
  private func token() throws(TierError) -> String? {
    if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      guard let token = try SmallFile.token(path, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE:") else {
        throw TierError(.invalidConfiguration, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: there is no token in \(path)")
      }
      return token
    }
    guard let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] else { return nil }
    // A scheme may stand before it: "Bearer abc".
    guard token.utf8.allSatisfy({ Credentials.isPlain($0) || $0 == UInt8(ascii: " ") }) else {
      throw TierError(.invalidConfiguration, "AWS_CONTAINER_AUTHORIZATION_TOKEN holds something that is no token")
    }
    return token
  }

  /// The token goes in plain only where nobody else can listen, which is AWS's own rule.
  private static func isAllowed(_ url: String) -> Bool {
    guard url.utf8.allSatisfy(Credentials.isPlain) else { return false }
    if url.hasPrefix("https://") { return true }
    guard url.hasPrefix("http://") else { return false }
    let authority = url.dropFirst(7).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    if authority.contains("@") || authority.contains("\\") { return false }
    if authority.hasPrefix("[") {
      let name = authority.prefix { $0 != "]" }
      return name == "[::1" || name.lowercased() == "[fd00:ec2::23"
    }
    let name = authority.prefix { $0 != ":" }
    if ["localhost", "169.254.170.2", "169.254.170.23"].contains(name) { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
