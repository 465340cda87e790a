import Foundation
import Synchronization
import Testing
import TierKit

@testable import ObjectStores

/// What README says under "The archive on S3" is what the store does.
@Suite struct DocumentationTests {
  private static let section: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = FileManager.default.contents(atPath: root.appendingPathComponent("README.md").path) ?? Data()
    let text = String(decoding: readme, as: UTF8.self)
    guard let start = text.range(of: "### The archive on S3\n") else { return "" }
    let rest = text[start.upperBound...]
    return String(rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)])
  }()

  /// The settings below `config:` of every example.
  private static let examples: [[String: String]] = section.components(separatedBy: "```yaml\n").dropFirst().map {
    block in
    var settings: [String: String] = [:]
    var isInside = false
    for line in block.components(separatedBy: "```")[0].split(separator: "\n") {
      if line.hasSuffix("config:") {
        isInside = true
      } else if isInside, let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].components(separatedBy: " #")[0]
        settings[line[..<colon].trimmingCharacters(in: .whitespaces)] =
          value.trimmingCharacters(in: CharacterSet(charactersIn: " \""))
      }
    }
    return settings
  }

  /// Bounds that an operator leaves to their defaults.
  private static let defaults = FakeService.settings.filter {
    [
      "max_connections", "connect_timeout", "request_timeout",
      "retries", "multipart_threshold", "part_size",
    ].contains($0.key)
  }

  private func configuration(_ settings: [String: String]) throws -> S3Configuration {
    for key in settings.keys { #expect(S3Configuration.keys.contains { $0.name == key }, "there is no setting \(key)") }
    let options = StoreOptions(instanceName: "t", dataDirectory: "/x", settings: Self.defaults.merging(settings) { $1 })
    return try S3Configuration(options, environment: [:])
  }

  @Test func theExamplesAreWholeConfigurations() throws {
    try #require(Self.examples.count == 2)
    let aws = try configuration(Self.examples[0])
    #expect(aws.isDefaultEndpoint && !aws.usesPathStyle && aws.host == "s3.eu-central-1.amazonaws.com")
    #expect(aws.accessKeyID == nil && aws.credentialsFile == nil, "the instance's role is the source")
    let other = try configuration(Self.examples[1])
    #expect(other.scheme == "https" && other.host == "minio.example.org:9000" && other.usesPathStyle)
    #expect(other.tls.verify && other.tls.authorityFile != nil && other.credentialsFile != nil)
    var guessed = Self.examples[1]
    guessed["path_style"] = nil
    #expect(try configuration(guessed).usesPathStyle, "what an endpoint has anyway")
  }

  @Test func everySettingAndVariableThatIsNamedIsOne() {
    let names = Self.section.matches(of: /`([^`\n]+)`/).map { String($0.output.1) }
    for name in names where name.wholeMatch(of: /[a-z]+(_[a-z]+)+/) != nil {
      #expect(S3Configuration.keys.contains { $0.name == name }, "\(name)")
    }
    for name in names where name.hasPrefix("AWS_") {
      #expect(S3Store.environmentNames.contains(name), "\(name)")
    }
    #expect(names.contains("AWS_PROFILE") && names.contains("credentials_file"))
  }

  /// What AWS asks for each kind of request, from the S3 API reference.
  private func permission(_ request: HTTPRequest) -> String {
    let url = URLComponents(string: request.url)!
    let isBucket = url.path == "/bucket"
    let query = Set((url.queryItems ?? []).map(\.name))
    switch request.method {
    case "GET" where query.contains("uploads"): return "s3:ListBucketMultipartUploads"
    case "GET" where isBucket: return "s3:ListBucket"
    case "GET", "HEAD": return "s3:GetObject"
    case "DELETE" where query.contains("uploadId"): return "s3:AbortMultipartUpload"
    case "DELETE": return "s3:DeleteObject"
    case "POST" where query.contains("delete"): return "s3:DeleteObject"
    default: return "s3:PutObject"
    }
  }

  @Test func thePermissionsAreThoseThatTheRequestsNeed() throws {
    let seen = Mutex<Set<String>>([])
    let failsPart = Mutex(false)
    let service = FakeService(
      .init(intercept: { request in
        seen.withLock { _ = $0.insert(permission(request)) }
        let isPart = failsPart.withLock { $0 } && request.url.contains("partNumber=1")
        return isPart ? .success(HTTPResponse(status: 403)) : nil
      }))
    let store = try service.store(TestHost())
    try store.start(StoreCall())
    try store.put("a", [1], ifAbsent: true)
    try store.put("b", pattern(6 << 20), ifAbsent: true)
    failsPart.withLock { $0 = true }
    #expect(failureCode { try store.put("c", pattern(6 << 20)) } == .permanent)
    #expect(try store.get("a") == [1])
    #expect(try store.allKeys() == ["a", "b"])
    try store.remove(["a", "b"], StoreCall())
    let documented = Set(Self.section.matches(of: /`(s3:[A-Za-z]+)`/).map { String($0.output.1) })
    #expect(seen.withLock { $0 } == documented)
    // And those are what the store names when access is denied.
    let advice = S3Failure.verdict(
      .success(HTTPResponse(status: 403, body: Array("<Error><Code>AccessDenied</Code></Error>".utf8))), "GET",
      accepted: [],
      now: 0)
    guard case .failed(let error) = advice else { throw error("\(advice)") }
    #expect(Set(error.message.matches(of: /s3:[A-Za-z]+/).map { String($0.output) }) == documented)
  }

  private func error(_ text: String) -> TierError { TierError(.permanent, text) }
}
