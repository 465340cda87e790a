import TierKit

/// Credentials of the machine's role, by IMDSv2: a token first, then the role's name, then its temporary credentials.
struct InstanceProfile {
  private let address: String
  /// Set by the operator, who then expects somebody there.
  private let isAddressGiven: Bool
  private let request: CredentialsRequest
  private static let who = "the instance's metadata service"

  /// AWS_EC2_METADATA_SERVICE_ENDPOINT and AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE as AWS's own programs read them.
  init(_ environment: [String: String], _ request: CredentialsRequest) throws(TierError) {
    let isIPv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
    let given = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    var address = given ?? (isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
    while address.hasSuffix("/") { address.removeLast() }
    guard address.hasPrefix("http://") || address.hasPrefix("https://"), address.utf8.allSatisfy(Credentials.isPlain)
    else {
      throw TierError(
        .invalidConfiguration, "AWS_EC2_METADATA_SERVICE_ENDPOINT: '\(address)' is no http:// address")
    }
    self.address = address
    isAddressGiven = given != nil
    self.request = request
  }

  func fetch(_ scope: CallScope) throws(TierError) -> DatedCredentials {
    try request.repeated(scope) { (scope) throws(TierError) in
      let token = text(try ask("PUT", "/latest/api/token", ("x-aws-ec2-metadata-token-ttl-seconds", "300"), scope))
      guard !token.isEmpty, token.utf8.allSatisfy(Credentials.isPlain) else {
        throw TierError(.retriable, "\(Self.who) answered with something that is no token")
      }
      let header = ("x-aws-ec2-metadata-token", token)
      let base = "/latest/meta-data/iam/security-credentials/"
      let role = text(try ask("GET", base, header, scope)).split(whereSeparator: \.isNewline).first ?? ""
      guard !role.isEmpty else { throw CredentialsChain.none("the instance at \(address) has no role") }
      // IAM's own names have at most 64; a page of something else has more.
      guard role.utf8.count <= 512 else {
        throw TierError(.retriable, "\(Self.who) answered with something that is no role")
      }
      return try request.decoded(try ask("GET", base + Signature.encoded(String(role)), header, scope), Self.who)
    }
  }

  private func ask(
    _ method: String, _ path: String, _ header: (String, String), _ scope: CallScope
  ) throws(TierError) -> [UInt8] {
    let what = "\(Self.who) at \(address)"
    switch try request.ask(what, method, address + path, [header], isLocal: true, scope) {
    case .answer(let response) where response.status == 200: return response.body
    case .answer(let response) where response.status == 404:
      throw CredentialsChain.none("the instance at \(address) has no role")
    case .answer(let response) where response.status == 403:
      throw CredentialsChain.none("\(what) is switched off or refuses this machine (403 to \(method) \(path))")
    case .answer(let response):
      throw TierError(.retriable, "\(what) answered \(response.status) to \(method) \(path)")
    case .nobody(let why):
      try scope.check("asking \(what)")
      // Outside of a cloud nobody has this address; whoever named another one, or was answered before, knows better.
      if isAddressGiven || method != "PUT" {
        throw TierError(.retriable, "\(what) cannot be asked for credentials: \(why)")
      }
      throw CredentialsChain.none("no other source is set up, and \(what) does not answer (\(why))")
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
