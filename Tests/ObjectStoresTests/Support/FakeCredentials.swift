import Foundation
import Synchronization
import TierKit

@testable import ObjectStores

/// The services that hand out temporary credentials, for `FakeService`: whatever is not the bucket is theirs.
final class FakeCredentials: Sendable {
  struct State {
    /// Number of the key that is handed out next, as "AKID1".
    var number = 1
    /// Milliseconds since 1970 at which what is handed out ends.
    var end: Int64 = 0
    /// "METHOD path" of every request.
    var log: [String] = []
    var headers: [[String: String]] = []
    var bodies: [String] = []
    /// Sent instead of the service's own answer to requests whose path has the key.
    var answers: [String: Result<HTTPResponse, TransportFailure>] = [:]
    /// Keys that the bucket's service refuses, with the code.
    var refused: [String: String] = [:]
    /// While true, nothing is answered.
    var isHeld = false
    var heldCount = 0
  }
  let state = Mutex(State())
  private let gate = Monitor(())

  func change(_ body: (inout sending State) -> Void) {
    state.withLock { body(&$0) }
    gate.change { _ in }
  }
  var log: [String] { state.withLock { $0.log } }

  /// Waits until a request is being held; false when that takes absurdly long.
  func waitUntilHeld() -> Bool {
    gate.wait(atMost: 60_000_000_000) { _ in self.state.withLock { $0.heldCount > 0 } ? true : nil } ?? false
  }

  /// The bucket's service with these before it.
  var service: FakeService { FakeService(.init(intercept: { self.answer($0) })) }

  private func answer(_ request: HTTPRequest) -> Result<HTTPResponse, TransportFailure>? {
    if request.url.hasPrefix("http://service.test") { return refusal(request) }
    let url = URLComponents(string: request.url)!
    let path = url.path
    state.withLock { state in
      state.log.append("\(request.method) \(url.host!)\(path)")
      state.headers.append(Dictionary(request.headers) { $1 })
      state.bodies.append(String(decoding: request.body.flatMap { Array($0) }, as: UTF8.self))
      if state.isHeld { state.heldCount += 1 }
    }
    gate.change { _ in }
    _ = gate.wait(atMost: 60_000_000_000) { _ in self.state.withLock { $0.isHeld } ? nil : true }
    return state.withLock { state in
      if let planned = state.answers.first(where: { path.hasSuffix($0.key) })?.value { return planned }
      switch (request.method, path) {
      case ("PUT", "/latest/api/token"): return Self.text("TOKEN==")
      case ("GET", "/latest/meta-data/iam/security-credentials/"): return Self.text("the+role\n")
      case ("POST", "/"): return Self.text(Self.xml(state))
      default: return Self.text(Self.json(state))
      }
    }
  }

  private func refusal(_ request: HTTPRequest) -> Result<HTTPResponse, TransportFailure>? {
    let authorization = request.headers.first { $0.0 == "Authorization" }!.1
    return state.withLock { state in
      guard let code = state.refused.first(where: { authorization.contains("Credential=\($0.key)/") })?.value else {
        return nil
      }
      return .success(HTTPResponse(status: 400, body: Array("<Error><Code>\(code)</Code></Error>".utf8)))
    }
  }

  static func text(_ text: String, status: Int = 200) -> Result<HTTPResponse, TransportFailure> {
    .success(HTTPResponse(status: status, body: Array(text.utf8)))
  }

  /// As AWS documents it for instances and, without the first three lines, for containers.
  private static func json(_ state: State) -> String {
    """
    {"Code": "Success", "LastUpdated": "2012-04-26T16:39:16Z", "Type": "AWS-HMAC",
    "AccessKeyId": "AKID\(state.number)", "SecretAccessKey": "secret\(state.number)", "Token": "session\(state.number)",
    "Expiration": "\(time(state.end))"}
    """
  }

  /// As AWS documents the answer of AssumeRoleWithWebIdentity.
  private static func xml(_ state: State) -> String {
    """
    <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    <AssumeRoleWithWebIdentityResult><Audience>client.5498841531868486423.1548@apps.example.com</Audience>
    <Credentials><SessionToken>session\(state.number)</SessionToken><SecretAccessKey>secret\(state.number)</SecretAccessKey>
    <Expiration>\(time(state.end))</Expiration><AccessKeyId>AKID\(state.number)</AccessKeyId></Credentials>
    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
    """
  }

  private static func time(_ milliseconds: Int64) -> String {
    ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
  }
}

extension S3Client {
  /// What the next request would be signed with.
  func credentialsForTests(_ scope: CallScope) throws(TierError) -> Credentials {
    try provider.credentials(transport, scope)
  }
}
