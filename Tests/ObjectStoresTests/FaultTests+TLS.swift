import Foundation
import Testing
import TierKit

@testable import ObjectStores

/// TLS before a real server. Every refusal says what to set, and nothing is ever sent in plain instead.
extension FaultTests {
  /// What a store says that is started against `certificate` with `settings`; nil: it started and holds an object.
  private func refusal(_ certificate: String, host: String = "localhost", _ settings: [String: String]) throws
    -> TierError?
  {
    let proxy = try FaultProxy(before: SeaweedServer.running(), certificate: certificate)
    let all = ["endpoint": "https://\(host):\(proxy.port)"].merging(settings) { $1 }
    let store = try SeaweedServer.running().store(TestHost(), all)
    defer { store.stop() }
    return failure {
      try store.start(StoreCall())
      let bytes = pattern(200_000)
      #expect(try store.put("tls/o", bytes))
      #expect(try store.get("tls/o", 100_000, 50) == Array(bytes[100_000..<100_050]))
    }
  }

  @Test(arguments: ["localhost", "127.0.0.1"]) func theRightAuthorityIsTrusted(host: String) throws {
    let authority = CertificateAuthority("ours")
    #expect(try refusal(authority.server("DNS:localhost,IP:127.0.0.1"), host: host, ["ca_file": authority.file]) == nil)
  }

  @Test func anAuthorityThatNobodyNamedIsRefusedAtOnce() throws {
    let ours = CertificateAuthority("ours")
    let theirs = CertificateAuthority("theirs")
    let begin = TestHost.read(CLOCK_MONOTONIC)
    for settings in [["ca_file": ours.file], [:]] {
      let error = try #require(try refusal(theirs.server("DNS:localhost"), settings))
      #expect(error.code == .permanent && error.message.contains("set 'ca_file'"), "\(error)")
      #expect(error.message.contains("certificate problem"), "\(error)")
    }
    #expect(TestHost.read(CLOCK_MONOTONIC) - begin < 10_000_000_000, "no retry helps")
  }

  @Test func certificatesOfAnotherTimeAreRefused() throws {
    let authority = CertificateAuthority("ours")
    let old = authority.server("DNS:localhost", validSeconds: -7_200 ... -3_600)
    var error = try #require(try refusal(old, ["ca_file": authority.file]))
    #expect(
      error.code == .permanent && error.message.contains("expired") && error.message.contains("renewed"), "\(error)")
    let early = authority.server("DNS:localhost", validSeconds: 3_600...7_200)
    error = try #require(try refusal(early, ["ca_file": authority.file]))
    #expect(
      error.code == .permanent && error.message.contains("not yet valid") && error.message.contains("clock"), "\(error)"
    )
  }

  @Test func aCertificateOfAnotherHostIsRefused() throws {
    let authority = CertificateAuthority("ours")
    let error = try #require(try refusal(authority.server("DNS:s3.example.org"), ["ca_file": authority.file]))
    #expect(
      error.code == .permanent && error.message.contains("localhost") && error.message.contains("'endpoint'"),
      "\(error)")
  }

  @Test func aBucketWithADotFitsNoWildcardAndTheMessageSaysWhatToSet() throws {
    let authority = CertificateAuthority("ours")
    let certificate = authority.server("DNS:*.\(SeaweedServer.domain),DNS:\(SeaweedServer.domain)")
    let trust = ["ca_file": authority.file, "path_style": "false"]
    #expect(try refusal(certificate, host: SeaweedServer.domain, trust) == nil, "a bucket without one does")
    let error = try #require(
      try refusal(certificate, host: SeaweedServer.domain, trust.merging(["bucket": "dotted.bucket"]) { $1 }))
    #expect(error.code == .permanent && error.message.contains("'path_style: true'"), "\(error)")
  }

  @Test func withoutVerificationTheStoreWorksAndWarns() throws {
    let theirs = CertificateAuthority("theirs")
    let proxy = try FaultProxy(before: SeaweedServer.running(), certificate: theirs.server("DNS:elsewhere"))
    let host = TestHost()
    let store = try SeaweedServer.running().store(
      host, ["endpoint": "https://127.0.0.1:\(proxy.port)", "tls_verify": "false"])
    defer { store.stop() }
    try store.start(StoreCall())
    #expect(host.log.contains { $0.contains("tls_verify is false") })
  }

  @Test func aServiceInPlainBehindHttpsIsRefusedAndSeesNoRequest() throws {
    let port = try SeaweedServer.running().port
    let host = TestHost()
    let store = try SeaweedServer.running().store(host, ["endpoint": "https://127.0.0.1:\(port)"])
    defer { store.stop() }
    let error = try #require(failure { try store.start(StoreCall()) })
    #expect(error.code == .permanent && error.message.contains("http://"), "\(error)")
  }

  @Test func anAuthorityFileThatIsNoneIsNamed() throws {
    let authority = CertificateAuthority("ours")
    let scratch = ScratchDirectory()
    try Data("no certificate".utf8).write(to: URL(fileURLWithPath: scratch.path + "/ca.pem"))
    for file in ["/nowhere/ca.pem", scratch.path + "/ca.pem"] {
      let error = try #require(try refusal(authority.server("DNS:localhost"), ["ca_file": file]))
      #expect(
        error.code == .permanent && error.message.contains("'ca_file'") && error.message.contains(file), "\(error)")
    }
  }
}
