import FoundationEssentials
import TierKit

/// Credentials of the machine's role, by IMDSv2: a token first, then the role's name, then its temporary credentials.
struct InstanceProfile {
  var address: String
  var transport: any HTTPTransport
  var host: HostServices

  private struct Answer: Decodable {
    var AccessKeyId: String
    var SecretAccessKey: String
    var Token: String?
    var Expiration: String
  }

  func fetch(_ scope: CallScope) throws(TierError) -> CredentialsProvider.Dated {
    let token = try ask("PUT", "/latest/api/token", ("x-aws-ec2-metadata-token-ttl-seconds", "300"), scope)
    let header = ("x-aws-ec2-metadata-token", text(token))
    let base = "/latest/meta-data/iam/security-credentials/"
    let role = text(try ask("GET", base, header, scope)).split(separator: "\n").first.map(String.init) ?? ""
    guard !role.isEmpty else { throw CredentialsProvider.none }
    let body = try ask("GET", base + Signature.encoded(role), header, scope)
    let answer: Answer
    do {
      answer = try JSONDecoder().decode(Answer.self, from: Data(body))
    } catch {
      throw TierError(.retriable, "the instance's metadata service answered with something that is no credentials")
    }
    guard let end = Timestamp.iso8601(answer.Expiration) else {
      throw TierError(.retriable, "the instance's metadata service gave an end of credentials that is no time")
    }
    // Half of what is left, when that is less than the margin: never asked for on every request.
    let margin = min(StoreLimits.credentialsMarginMilliseconds, max(0, end - host.wallClockMilliseconds) / 2)
    return CredentialsProvider.Dated(
      credentials: Credentials(
        accessKeyID: answer.AccessKeyId, secretAccessKey: answer.SecretAccessKey, sessionToken: answer.Token),
      refresh: end - margin, end: end)
  }

  private func ask(
    _ method: String, _ path: String, _ header: (String, String), _ scope: CallScope
  ) throws(TierError) -> [UInt8] {
    let request = HTTPRequest(
      method: method, url: address + path, headers: [header], timeoutMilliseconds: 2000,
      connectTimeoutMilliseconds: 1000, isLocal: true)
    switch transport.perform([request], scope)[0] {
    case .success(let response) where response.status == 200: return response.body
    case .success(let response) where response.status == 404: throw CredentialsProvider.none
    case .success(let response):
      throw TierError(.retriable, "the instance's metadata service answered \(response.status) to \(method) \(path)")
    case .failure(.unreachable): throw CredentialsProvider.none
    case .failure(let failure):
      try scope.check("asking the instance's metadata service")
      // Nobody answers at this address outside of a cloud.
      if failure == .timedOut { throw CredentialsProvider.none }
      throw TierError(.retriable, "the instance's metadata service cannot be asked: \(failure)")
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
