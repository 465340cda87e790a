import Testing
import TierKit

@testable import ObjectStores

/// The settings that decide where requests go.
@Suite struct AddressTests {
  private func configuration(_ changes: [String: String]) throws -> S3Configuration {
    try S3Configuration(
      StoreOptions(
        instanceName: "t", dataDirectory: "/nowhere", settings: FakeService.settings.merging(changes) { $1 }),
      environment: [:])
  }

  private func address(_ changes: [String: String], key: String? = "k") throws -> String {
    let configuration = try configuration(changes)
    let (host, path) = S3Request(method: "GET", key: key).address(configuration, region: configuration.region)
    return "\(configuration.scheme)://\(host)\(path)"
  }

  @Test func theBucketStandsWhereThePathStyleSays() throws {
    #expect(try address(["endpoint": "", "region": "eu-west-1"]) == "https://bucket.s3.eu-west-1.amazonaws.com/k")
    #expect(try address(["endpoint": "", "region": "cn-north-1"]) == "https://bucket.s3.cn-north-1.amazonaws.com.cn/k")
    #expect(try address(["endpoint": "", "bucket": "a.b"]) == "https://s3.us-east-1.amazonaws.com/a.b/k")
    #expect(try address(["endpoint": "", "bucket": "Old_One"]) == "https://s3.us-east-1.amazonaws.com/Old_One/k")
    #expect(try address(["endpoint": "https://minio.lan:9000"]) == "https://minio.lan:9000/bucket/k")
    #expect(
      try address(["endpoint": "https://minio.lan:9000", "path_style": "false"], key: nil)
        == "https://bucket.minio.lan:9000/")
    #expect(try address(["endpoint": "https://Store.LAN:443/"]) == "https://store.lan/bucket/k")
  }

  @Test(arguments: ["http://127.0.0.1:9000", "https://10.0.0.1", "https://[::1]:9000"])
  func aBucketCannotStandBeforeAnAddressOfNumbers(endpoint: String) {
    let error = failure { _ = try address(["endpoint": endpoint, "path_style": "false"]) }
    #expect(
      error?.code == .invalidConfiguration && error?.message.contains("path_style") == true,
      "\(String(describing: error))")
  }

  @Test func aBucketWithCapitalsCannotStandInAHostName() {
    let error = failure { _ = try address(["endpoint": "", "bucket": "Old", "path_style": "false"]) }
    #expect(
      error?.code == .invalidConfiguration && error?.message.contains("path_style") == true,
      "\(String(describing: error))")
  }

  @Test func anAuthorityForAPlainEndpointIsAMistake() {
    let error = failure { _ = try address(["endpoint": "http://minio.lan", "ca_file": "/etc/ca.pem"]) }
    #expect(
      error?.code == .invalidConfiguration && error?.message.contains("ca_file") == true, "\(String(describing: error))"
    )
  }

  @Test(arguments: ["minio:9000", "ftp://x", "https://", "https://user@host", "https://host/path", "https://ho st"])
  func anEndpointThatIsNoneIsRefused(endpoint: String) {
    let error = failure { _ = try address(["endpoint": endpoint]) }
    #expect(
      error?.code == .invalidConfiguration && error?.message.contains("endpoint") == true,
      "\(String(describing: error))")
  }

  @Test func prefixesAreKeptByteForByte() throws {
    #expect(try configuration(["prefix": "/a b/+//ü/"]).prefix == "a b/+//ü/")
    #expect(try configuration(["prefix": "///"]).prefix == "")
    // An accent behind a slash makes one character of both; it is the prefix's beginning all the same.
    #expect(Array(try configuration(["prefix": "/\u{301}x"]).prefix.utf8) == Array("\u{301}x/".utf8))
    for wrong in ["a\nb", "a/../b", "./a", String(repeating: "x", count: 501)] {
      #expect(failureCode { _ = try configuration(["prefix": wrong]) } == .invalidConfiguration, "\(wrong)")
    }
  }
}
