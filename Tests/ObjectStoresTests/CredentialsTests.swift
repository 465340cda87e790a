import Foundation
import Testing
import TierKit

@testable import ObjectStores

/// Where credentials come from, and how they are kept.
@Suite struct CredentialsTests {
  /// A store without a key of its own before services that hand them out.
  struct Rig {
    let host = TestHost(seed: UInt64.random(in: 0 ... .max))
    let fake = FakeCredentials()
    let store: S3Store

    init(
      _ environment: [String: String] = [:], _ settings: [String: String] = FakeService.keyless,
      _ change: (inout sending FakeCredentials.State) -> Void = { _ in }
    ) throws {
      store = try fake.service.store(host, settings, environment: environment)
      let end = host.services.wallClockMilliseconds + 3_600_000
      fake.change { $0.end = end }
      fake.change(change)
    }

    /// Later by the wall clock.
    func pass(seconds: Int64) { host.wallClockOffset.add(seconds * 1_000, ordering: .relaxed) }

    func handOut(_ number: Int, forSeconds seconds: Int64 = 3_600) {
      let end = host.services.wallClockMilliseconds + seconds * 1_000
      fake.change {
        $0.number = number
        $0.end = end
      }
    }

    /// The key that a request is signed with.
    func key() throws -> String {
      let scope = CallScope(StoreCall(), store.gate, host.services)
      let provider = try store.client()
      return try provider.credentialsForTests(scope).accessKeyID
    }
  }

  // MARK: the instance's role

  @Test func anInstancesRoleIsAskedForInThreeStepsAndOnlyOnce() throws {
    let rig = try Rig()
    try rig.store.start(StoreCall())
    #expect(try rig.store.put("k", [1]))
    #expect(
      rig.fake.log == [
        "PUT 169.254.169.254/latest/api/token", "GET 169.254.169.254/latest/meta-data/iam/security-credentials/",
        "GET 169.254.169.254/latest/meta-data/iam/security-credentials/the+role",
      ])
    let headers = rig.fake.state.withLock { $0.headers }
    #expect(headers[0] == ["x-aws-ec2-metadata-token-ttl-seconds": "300"])
    #expect(headers[1] == ["x-aws-ec2-metadata-token": "TOKEN=="] && headers[2] == headers[1])
    let scope = CallScope(StoreCall(), rig.store.gate, rig.host.services)
    #expect(
      try rig.store.client().credentialsForTests(scope)
        == Credentials(accessKeyID: "AKID1", secretAccessKey: "secret1", sessionToken: "session1"))
  }

  @Test(arguments: [
    (["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://metadata.test:1338/"], "PUT metadata.test/latest/api/token"),
    (["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"], "PUT [fd00:ec2::254]/latest/api/token"),
  ]) func theAddressOfTheMetadataServiceCanBeGiven(environment: [String: String], first: String) throws {
    let rig = try Rig(environment)
    #expect(try rig.key() == "AKID1")
    #expect(rig.fake.log.first == first)
  }

  @Test func newOnesAreFetchedFiveMinutesBeforeTheEnd() throws {
    let rig = try Rig()
    #expect(try rig.key() == "AKID1")
    rig.handOut(2, forSeconds: 7_200)
    rig.pass(seconds: 3_600 - 300 - 20)
    #expect(try rig.key() == "AKID1")
    rig.pass(seconds: 21)
    #expect(try rig.key() == "AKID2")
    #expect(rig.fake.log.count == 6)
  }

  @Test func requestsGoOnWithTheOldOnesWhileNewOnesAreFetched() throws {
    let rig = try Rig()
    try rig.store.start(StoreCall())
    rig.pass(seconds: 3_500)
    rig.handOut(2)
    rig.fake.change { $0.isHeld = true }
    let (store, fake) = (rig.store, rig.fake)
    let keys = onThreads(4) { index -> Bool in
      if index == 0 { return failure { try store.put("slow", [0]) } == nil }
      guard fake.waitUntilHeld() else { return false }
      let done = failure { for number in 0..<10 { try store.put("k\(index)-\(number)", [1]) } } == nil
      if index == 1 { fake.change { $0.isHeld = false } }
      return done
    }
    #expect(keys == [true, true, true, true])
    #expect(fake.log.count == 6, "asked for once more, by one of them")
    #expect(try rig.key() == "AKID2")
  }

  @Test func oldOnesAreUsedWhileTheServiceIsAwayAndItIsNotAskedWithEveryRequest() throws {
    let rig = try Rig()
    try rig.store.start(StoreCall())
    rig.fake.change { $0.answers["/latest/api/token"] = .failure(.unreachable("connection refused")) }
    // Beyond their end by this machine's clock: only the service knows whether they are really of no use.
    rig.pass(seconds: 3_700)
    for _ in 0..<10 { #expect(try rig.store.put("k", [1])) }
    let asked = rig.fake.log.count
    #expect(asked == 4, "one fetch that failed at its first step")
    #expect(rig.host.log.filter { $0.contains("cannot be fetched again") }.count == 1)
    rig.fake.change { $0.answers = [:] }
    rig.handOut(2)
    rig.pass(seconds: 16)
    #expect(try rig.key() == "AKID2")
  }

  @Test func onesThatTheServiceCallsExpiredAreFetchedAgainAtOnce() throws {
    let rig = try Rig()
    try rig.store.start(StoreCall())
    rig.handOut(2)
    rig.fake.change { $0.refused = ["AKID1": "ExpiredToken"] }
    #expect(try rig.store.put("k", [1]))
    #expect(rig.fake.log.count == 6)
  }

  @Test func onesThatAreRefusedAndHaveNoSuccessorAreAnErrorAndNoLoop() throws {
    let rig = try Rig()
    try rig.store.start(StoreCall())
    rig.fake.change { $0.refused = ["AKID1": "ExpiredToken"] }
    for _ in 0..<2 {
      let error = try #require(failure { try rig.store.put("k", [1]) })
      #expect(error.code == .permanent && error.message.contains("ExpiredToken"), "\(error)")
    }
    #expect(rig.fake.log.count == 9, "asked once for each call")
    rig.handOut(2)
    #expect(try rig.store.put("k", [1]))
  }

  @Test func aClockThatIsAheadDoesNotAskWithEveryRequest() throws {
    let rig = try Rig()
    rig.handOut(1, forSeconds: -60)
    for _ in 0..<5 { #expect(try rig.key() == "AKID1") }
    #expect(rig.fake.log.count == 3)
  }

  struct Trouble: Sendable, CustomTestStringConvertible {
    var path: String
    var answer: Result<HTTPResponse, TransportFailure>
    var code: TierError.Code
    var says: String
    /// How often the step is tried.
    var times = 1
    var testDescription: String { "\(path) \(says)" }
  }
  private static let roles = "/security-credentials/"
  private static let role = "/the+role"

  @Test(arguments: [
    Trouble(
      path: "/api/token", answer: .failure(.unreachable("refused")), code: .invalidConfiguration, says: "supported are"),
    Trouble(path: "/api/token", answer: .failure(.timedOut), code: .invalidConfiguration, says: "does not answer"),
    Trouble(
      path: "/api/token", answer: FakeCredentials.text("", status: 403), code: .invalidConfiguration, says: "403"),
    Trouble(path: "/api/token", answer: FakeCredentials.text("", status: 500), code: .retriable, says: "500", times: 4),
    Trouble(
      path: "/api/token", answer: FakeCredentials.text("a\r\nb: c"), code: .retriable, says: "no token", times: 4),
    Trouble(
      path: "/api/token", answer: FakeCredentials.text("<html>log in</html>\n"), code: .retriable, says: "no token",
      times: 4),
    Trouble(
      path: roles, answer: FakeCredentials.text("", status: 404), code: .invalidConfiguration, says: "has no role"),
    Trouble(path: roles, answer: FakeCredentials.text("\n"), code: .invalidConfiguration, says: "has no role"),
    Trouble(path: roles, answer: .failure(.timedOut), code: .retriable, says: "no answer in time", times: 4),
    Trouble(path: role, answer: FakeCredentials.text("", status: 401), code: .retriable, says: "401", times: 4),
    Trouble(path: role, answer: FakeCredentials.text("{\"Code\""), code: .retriable, says: "no credentials", times: 4),
    Trouble(path: role, answer: FakeCredentials.text("[]"), code: .retriable, says: "no credentials", times: 4),
    Trouble(
      path: role, answer: FakeCredentials.text(#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "no trust"}"#),
      code: .retriable, says: "AssumeRoleUnauthorizedAccess no trust", times: 4),
    Trouble(
      path: role,
      answer: FakeCredentials.text(
        #"{"AccessKeyId":"A\nB","SecretAccessKey":"s","Expiration":"2030-01-01T00:00:00Z"}"#),
      code: .retriable, says: "no credentials", times: 4),
    Trouble(
      path: role, answer: FakeCredentials.text(#"{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"soon"}"#),
      code: .retriable, says: "no time", times: 4),
  ]) func whatAMetadataServiceCanDoWrongIsAClearError(trouble: Trouble) throws {
    let rig = try Rig { $0.answers = [trouble.path: trouble.answer] }
    let error = try #require(failure { try rig.store.start(StoreCall()) })
    #expect(error.code == trouble.code && error.message.contains(trouble.says), "\(error)")
    #expect(rig.fake.log.filter { $0.hasSuffix(trouble.path) }.count == trouble.times)
    // It recovers without a new start.
    rig.fake.change { $0.answers = [:] }
    #expect(try rig.store.put("k", [1]))
  }

  @Test func aMetadataServiceThatNeverAnswersIsGivenUpInSeconds() throws {
    let (descriptor, port) = try #require(LocalPort.listener())
    defer { close(descriptor) }
    let host = TestHost()
    let settings = FakeService.settings.merging(FakeService.keyless) { $1 }
    let store = try S3Store(
      host: host.services, options: StoreOptions(instanceName: "t", dataDirectory: "/nowhere", settings: settings),
      environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(port)"])
    defer { store.stop() }
    let before = host.services.monotonicNanoseconds
    let error = try #require(failure { try store.start(StoreCall()) })
    let seconds = (host.services.monotonicNanoseconds - before) / 1_000_000_000
    #expect(error.code == .retriable && error.message.contains("127.0.0.1:\(port)"), "\(error)")
    // The store's own requests would have a minute each.
    #expect(seconds < 50, "\(seconds) s")
  }

  @Test func waitersShareAFailureInsteadOfAskingOneAfterTheOther() throws {
    let rig = try Rig(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://metadata.test"]) {
      $0.answers = ["/api/token": FakeCredentials.text("", status: 403)]
      $0.isHeld = true
    }
    let (store, fake, host) = (rig.store, rig.fake, rig.host)
    let client = try store.client()
    let codes = onThreads(8) { index -> TierError.Code? in
      if index == 0 {
        _ = fake.waitUntilHeld()
        fake.change { $0.isHeld = false }
        return nil
      }
      return failureCode { _ = try client.credentialsForTests(CallScope(StoreCall(), store.gate, host.services)) }
    }
    #expect(codes.dropFirst().allSatisfy { $0 == .invalidConfiguration })
    // Those that came in time wait; each of the others asks for itself, but never two at once.
    #expect(fake.log.count <= 7)
  }

  @Test(arguments: ["settings", "environment", "file"]) func theMetadataServiceIsNeverAskedWhenThereIsAKey(kind: String)
    throws
  {
    let scratch = ScratchDirectory()
    let file = scratch.path + "/credentials"
    try Data("[default]\naws_access_key_id=AKIDF\naws_secret_access_key=s\n".utf8).write(to: URL(fileURLWithPath: file))
    var settings = FakeService.keyless
    var environment = [
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/never", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://never",
    ]
    switch kind {
    case "settings": settings = [:]
    case "environment": environment.merge(["AWS_ACCESS_KEY_ID": "AKIDE", "AWS_SECRET_ACCESS_KEY": "s"]) { $1 }
    default: settings["credentials_file"] = file
    }
    let rig = try Rig(environment, settings)
    try rig.store.start(StoreCall())
    rig.pass(seconds: 100_000)
    rig.fake.change {
      $0.refused = ["AKIDTEST": "InvalidAccessKeyId", "AKIDE": "ExpiredToken", "AKIDF": "ExpiredToken"]
    }
    #expect(failureCode { try rig.store.put("k", [1]) } == .permanent)
    #expect(rig.fake.log == [])
  }

  @Test func withoutAnySourceTheErrorNamesWhatIsSupported() throws {
    let rig = try Rig(["AWS_EC2_METADATA_DISABLED": "TRUE"])
    let error = try #require(failure { try rig.store.start(StoreCall()) })
    #expect(error.code == .invalidConfiguration)
    for name in ["credentials_file", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "container", "IMDSv2"] {
      #expect(error.message.contains(name), "\(error)")
    }
  }

  @Test func halfAKeyInTheEnvironmentIsAMistakeAndNoReasonToLookElsewhere() throws {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
      let rig = try Rig([name: "x"])
      #expect(failureCode { try rig.store.start(StoreCall()) } == .invalidConfiguration)
      #expect(rig.fake.log == [])
    }
  }
}
