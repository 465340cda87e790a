import Foundation
import Testing
import TierKit

@testable import ObjectStores

/// Credentials of containers and of web identities, and those in files.
@Suite struct RoleCredentialsTests {
  typealias Rig = CredentialsTests.Rig

  @Test func aContainersRoleIsAskedForAtItsRelativeAddress() throws {
    let rig = try Rig(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"])
    #expect(try rig.key() == "AKID1")
    #expect(rig.fake.log == ["GET 169.254.170.2/v2/credentials/1"])
    #expect(rig.fake.state.withLock { $0.headers } == [[:]])
  }

  @Test func theTokenOfAContainerIsReadFromItsFileEachTime() throws {
    let scratch = ScratchDirectory()
    let file = scratch.path + "/token"
    try Data("first\n".utf8).write(to: URL(fileURLWithPath: file))
    let rig = try Rig([
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not this",
    ])
    #expect(try rig.key() == "AKID1")
    try Data("second".utf8).write(to: URL(fileURLWithPath: file))
    rig.handOut(2)
    rig.pass(seconds: 3_500)
    #expect(try rig.key() == "AKID2")
    #expect(rig.fake.state.withLock { $0.headers.map { $0["Authorization"] } } == ["first", "second"])
  }

  @Test(arguments: [
    "http://example.org/x", "http://127.0.0.1@example.org/", "http://127.0.0.1.example.org/", "ftp://127.0.0.1/",
    "http://169.254.169.254/", "http://[fd00::1]/", "http://127.0.0.1 /",
  ]) func aTokenIsNotSentInPlainToAnybody(url: String) throws {
    let rig = try Rig(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"])
    #expect(failureCode { _ = try rig.key() } == .invalidConfiguration)
    #expect(rig.fake.log == [])
  }

  @Test(arguments: ["http://localhost:9/x", "http://127.0.0.2/x", "http://[::1]:9/x", "https://example.org/x"])
  func theseAddressesOfAContainerAreAllowed(url: String) throws {
    let rig = try Rig(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer t"])
    #expect(try rig.key() == "AKID1")
    #expect(rig.fake.state.withLock { $0.headers } == [["Authorization": "Bearer t"]])
  }

  @Test func aContainersServiceThatRefusesOrIsAwaySaysSo() throws {
    let rig = try Rig(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"]) {
      $0.answers = ["/c": FakeCredentials.text("", status: 403)]
    }
    #expect(failureCode { _ = try rig.key() } == .invalidConfiguration)
    #expect(rig.fake.log.count == 1)
    for answer in [
      FakeCredentials.text("", status: 500), .failure(.unreachable("refused")), FakeCredentials.text("{}"),
    ] {
      rig.fake.change { $0.answers = ["/c": answer] }
      #expect(failureCode { _ = try rig.key() } == .retriable)
    }
  }

  // MARK: web identity

  private func identity(_ token: String = "eyJ.to+ken=") throws -> (ScratchDirectory, [String: String]) {
    let scratch = ScratchDirectory()
    try Data("\(token)\n".utf8).write(to: URL(fileURLWithPath: scratch.path + "/token"))
    return (
      scratch,
      [
        "AWS_WEB_IDENTITY_TOKEN_FILE": scratch.path + "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/a",
        "AWS_REGION": "eu-west-1",
      ]
    )
  }

  @Test func aWebIdentityIsExchangedForCredentials() throws {
    let (scratch, environment) = try identity()
    let rig = try Rig(environment)
    let scope = CallScope(StoreCall(), rig.store.gate, rig.host.services)
    #expect(
      try rig.store.client().credentialsForTests(scope)
        == Credentials(accessKeyID: "AKID1", secretAccessKey: "secret1", sessionToken: "session1"))
    #expect(rig.fake.log == ["POST sts.eu-west-1.amazonaws.com/"])
    #expect(
      rig.fake.state.withLock { $0.bodies } == [
        "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&RoleSessionName=chronik"
          + "&Version=2011-06-15&WebIdentityToken=eyJ.to%2Bken%3D"
      ])
    withExtendedLifetime(scratch) {}
  }

  @Test func aWebIdentityThatIsRefusedSaysWhy() throws {
    let (scratch, environment) = try identity()
    let answer =
      "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no provider</Message></Error></ErrorResponse>"
    let rig = try Rig(environment) { $0.answers = ["/": FakeCredentials.text(answer, status: 400)] }
    let error = try #require(failure { _ = try rig.key() })
    #expect(
      error.code == .invalidConfiguration && error.message.contains("400 InvalidIdentityToken")
        && error.message.hasSuffix(": no provider"),
      "\(error)")
    #expect(!error.message.contains("eyJ"))
    rig.fake.change { $0.answers = ["/": FakeCredentials.text("busy", status: 503)] }
    #expect(failureCode { _ = try rig.key() } == .retriable)
    withExtendedLifetime(scratch) {}
  }

  @Test func aWebIdentityWithoutATokenOrARoleIsAMistake() throws {
    for environment in [
      ["AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "a"],
      ["AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"],
    ] {
      let rig = try Rig(environment)
      #expect(failureCode { _ = try rig.key() } == .invalidConfiguration)
      #expect(rig.fake.log == [])
    }
  }

  // MARK: files

  private static let text = """
    # a comment
    [default]
    aws_access_key_id = AKIDF1
    aws_secret_access_key=s3cr=et/1
    [ other ]
    aws_access_key_id=AKIDF2
    aws_secret_access_key = two
    aws_session_token = token
    [empty]
    [half]
    aws_access_key_id=AKIDF3
    [role]
    role_arn = arn:aws:iam::1:role/a
    source_profile = default
    """

  private func file(_ text: String = text) throws -> (ScratchDirectory, String) {
    let scratch = ScratchDirectory()
    try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.path + "/credentials"))
    return (scratch, scratch.path + "/credentials")
  }

  @Test func aCredentialsFileIsReadAsAWSWritesIt() {
    #expect(
      CredentialsFile.parse(Self.text, profile: "default")
        == .keys(Credentials(accessKeyID: "AKIDF1", secretAccessKey: "s3cr=et/1", sessionToken: nil)))
    #expect(
      CredentialsFile.parse(Self.text, profile: "other")
        == .keys(Credentials(accessKeyID: "AKIDF2", secretAccessKey: "two", sessionToken: "token")))
    #expect(CredentialsFile.parse(Self.text, profile: "empty") == .absent)
    #expect(CredentialsFile.parse(Self.text, profile: "missing") == .absent)
    #expect(CredentialsFile.parse(Self.text, profile: "half") == .incomplete)
    #expect(CredentialsFile.parse(Self.text, profile: "role") == .unsupported("role_arn"))
    #expect("\(Credentials(accessKeyID: "a", secretAccessKey: "b"))" == "credentials (hidden)")
  }

  @Test func aProfileIsChosenByTheSettingOrTheEnvironment() throws {
    let (scratch, path) = try file()
    for (environment, settings, key) in [
      ([:], [:], "AKIDF1"), (["AWS_PROFILE": "other"], [:], "AKIDF2"),
      (["AWS_PROFILE": "none"], ["profile": "other"], "AKIDF2"),
    ] as [([String: String], [String: String], String)] {
      let keyless = FakeService.keyless.merging(settings) { $1 }
      let shared = try Rig(environment.merging(["AWS_SHARED_CREDENTIALS_FILE": path]) { $1 }, keyless)
      #expect(try shared.key() == key)
      let own = try Rig(environment, keyless.merging(["credentials_file": path]) { $1 })
      #expect(try own.key() == key)
    }
    withExtendedLifetime(scratch) {}
  }

  @Test func aProfileThatIsNotThereIsAnErrorAndNoReasonToLookElsewhere() throws {
    let (scratch, path) = try file()
    for (profile, says) in [("missing", "[missing]"), ("half", "[half]"), ("role", "role_arn, which")] {
      let rig = try Rig(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": profile])
      let error = try #require(failure { _ = try rig.key() })
      #expect(
        error.code == .invalidConfiguration && error.message.contains(says) && error.message.contains(path), "\(error)")
      #expect(rig.fake.log == [])
    }
    let rig = try Rig(["HOME": "/nowhere", "AWS_PROFILE": "mine"])
    #expect(failureCode { _ = try rig.key() } == .invalidConfiguration)
    withExtendedLifetime(scratch) {}
  }

  @Test func aFileAtTheUsualPlaceForSomethingElseIsPassedOver() throws {
    let scratch = ScratchDirectory()
    mkdir(scratch.path + "/.aws", 0o755)
    try Data("[somebody]\naws_access_key_id=A\naws_secret_access_key=B\n".utf8)
      .write(to: URL(fileURLWithPath: scratch.path + "/.aws/credentials"))
    let rig = try Rig(["HOME": scratch.path])
    #expect(try rig.key() == "AKID1")
  }

  @Test(arguments: ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
  func aFileThatChangedIsReadWhenItsKeyIsRefused(code: String) throws {
    let (scratch, path) = try file("[default]\naws_access_key_id=OLD\naws_secret_access_key=a\naws_session_token=t\n")
    let rig = try Rig([:], FakeService.keyless.merging(["credentials_file": path]) { $1 })
    try rig.store.start(StoreCall())
    try Data("[default]\naws_access_key_id=NEW\naws_secret_access_key=b\n".utf8).write(to: URL(fileURLWithPath: path))
    #expect(try rig.key() == "OLD", "within a minute it is not looked at again")
    rig.fake.change { $0.refused = ["OLD": code] }
    #expect(try rig.store.put("k", [1]))
    #expect(try rig.key() == "NEW")
    withExtendedLifetime(scratch) {}
  }

  @Test func aFileThatIsBeingWrittenDoesNotTakeTheOldKeyAway() throws {
    let (scratch, path) = try file()
    let rig = try Rig([:], FakeService.keyless.merging(["credentials_file": path]) { $1 })
    #expect(try rig.key() == "AKIDF1")
    try Data("[default]\naws_acc".utf8).write(to: URL(fileURLWithPath: path))
    rig.pass(seconds: 61)
    #expect(try rig.key() == "AKIDF1")
    #expect(rig.host.log.contains { $0.contains("cannot be fetched again") })
    try Data("[default]\naws_access_key_id=NEW\naws_secret_access_key=b\n".utf8).write(to: URL(fileURLWithPath: path))
    rig.pass(seconds: 16)
    #expect(try rig.key() == "NEW")
    withExtendedLifetime(scratch) {}
  }
}
