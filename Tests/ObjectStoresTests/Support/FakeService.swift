import Foundation
@testable import ObjectStores
import Synchronization
import TierAPI
import TierKit

/// An S3 service in a dictionary, path style, without signatures: what the store s3 is tested with where no server
/// runs, and where a service is needed that real servers are not.
final class FakeService: HTTPTransport {
  struct Manners: Sendable {
    /// What a put with If-None-Match of an existing key is answered; nil: it is ignored and the object replaced.
    var conflictStatus: Int? = 412
    var acceptsChecksums = true
    var knowsDeleteObjects = true
    /// The answer of a DeleteObjects request that deletes nothing; nil: it deletes.
    var deleteObjectsFailure: String?
    var honoursRange = true
    /// Called with every request; an answer is sent instead of the service's own.
    var intercept: (@Sendable (HTTPRequest) -> Result<HTTPResponse, TransportFailure>?)?
  }

  /// Settings without credentials.
  static let keyless = ["access_key_id": "", "secret_access_key": ""]

  struct State {
    var objects: [String: [UInt8]] = [:]
    var uploads: [String: [Int: [UInt8]]] = [:]
    var log: [String] = []
  }

  let state = Mutex(State())
  private let manners: Manners
  init(_ manners: Manners = Manners()) { self.manners = manners }

  static let settings = [
    "endpoint": "http://service.test:1", "bucket": "bucket", "prefix": "a/prefix", "access_key_id": "AKIDTEST",
    "secret_access_key": "very-secret-words", "max_connections": "4", "connect_timeout": "1000",
    "request_timeout": "60000", "retries": "3", "multipart_threshold": "\(5 << 20)", "part_size": "\(5 << 20)",
  ]

  func store(
    _ host: TestHost, _ changes: [String: String] = [:], environment: [String: String] = [:]
  ) throws -> S3Store {
    let settings = Self.settings.merging(changes) { $1 }
    return try S3Store(
      host: host.services, options: StoreOptions(instanceName: "t", dataDirectory: "/nowhere", settings: settings),
      environment: environment, makeTransport: { _ in self })
  }

  func stop() {}
  var requests: [String] { state.withLock { $0.log } }

  func perform(_ requests: [HTTPRequest], _ scope: CallScope) -> [Result<HTTPResponse, TransportFailure>] {
    requests.map { request in
      let url = URLComponents(string: request.url)!
      let key = String(url.percentEncodedPath.dropFirst("/bucket/".count)).removingPercentEncoding!
      var query: [String: String] = [:]
      for item in url.queryItems ?? [] { query[item.name] = item.value ?? "" }
      state.withLock { $0.log.append("\(request.method) \(key)") }
      if let answer = manners.intercept?(request) { return answer }
      return .success(state.withLock { respond(request, key, query, &$0) })
    }
  }

  private func respond(
    _ request: HTTPRequest, _ key: String, _ query: [String: String], _ state: inout State
  ) -> HTTPResponse {
    let body = request.body.flatMap { Array($0) }
    let headers = Dictionary(request.headers.map { ($0.0.lowercased(), $0.1) }) { $1 }
    switch request.method {
    case "GET" where key.isEmpty: return list(query, state)
    case "GET", "HEAD": return get(request, state.objects[key], headers["range"])
    case "DELETE":
      if let id = query["uploadId"] { state.uploads[id] = nil } else { state.objects[key] = nil }
      return HTTPResponse(status: 204)
    case "POST" where query["delete"] != nil:
      guard manners.knowsDeleteObjects else { return error(501, "NotImplemented") }
      if let failure = manners.deleteObjectsFailure { return HTTPResponse(status: 200, body: Array(failure.utf8)) }
      for object in XMLElement.parse(body)?.all("Object") ?? [] { state.objects[object.text("Key") ?? ""] = nil }
      return HTTPResponse(status: 200, body: Array("<DeleteResult/>".utf8))
    case "POST" where query["uploads"] != nil:
      state.uploads["id"] = [:]
      return HTTPResponse(
        status: 200,
        body: Array("<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>".utf8))
    case "PUT" where query["uploadId"] != nil:
      state.uploads[query["uploadId"]!]?[Int(query["partNumber"]!)!] = body
      return HTTPResponse(status: 200, headers: ["etag": "\"\(etag(body))\""])
    default: return store(key, query, body, headers, &state)
    }
  }

  private func store(
    _ key: String, _ query: [String: String], _ body: [UInt8], _ headers: [String: String], _ state: inout State
  ) -> HTTPResponse {
    if headers["x-amz-checksum-crc32c"] != nil, !manners.acceptsChecksums { return error(400, "InvalidRequest") }
    if headers["if-none-match"] == "*", state.objects[key] != nil, let status = manners.conflictStatus {
      return error(status, "PreconditionFailed")
    }
    if let id = query["uploadId"] {
      guard let parts = state.uploads.removeValue(forKey: id) else { return error(404, "NoSuchUpload") }
      state.objects[key] = parts.sorted { $0.key < $1.key }.flatMap(\.value)
      return HTTPResponse(status: 200, body: Array("<CompleteMultipartUploadResult/>".utf8))
    }
    state.objects[key] = body
    return HTTPResponse(status: 200, headers: ["etag": "\"\(etag(body))\""])
  }

  private func get(_ request: HTTPRequest, _ object: [UInt8]?, _ range: String?) -> HTTPResponse {
    guard let object else { return error(404, request.method == "HEAD" ? "" : "NoSuchKey") }
    if request.method == "HEAD" {
      return HTTPResponse(status: 200, headers: ["content-length": "\(object.count)", "etag": "\"\(etag(object))\""])
    }
    let bounds = range!.dropFirst("bytes=".count).split(separator: "-").map { Int($0)! }
    guard bounds[0] < object.count else {
      var response = error(416, "InvalidRange")
      response.headers["content-range"] = "bytes */\(object.count)"
      return response
    }
    guard manners.honoursRange else { return deliver(200, object[...], request, [:]) }
    let last = min(bounds[1], object.count - 1)
    return deliver(
      206, object[bounds[0]...last], request, ["content-range": "bytes \(bounds[0])-\(last)/\(object.count)"])
  }

  private func deliver(
    _ status: Int, _ bytes: ArraySlice<UInt8>, _ request: HTTPRequest, _ headers: [String: String]
  ) -> HTTPResponse {
    guard case .buffer(let target) = request.sink else { return error(500, "InternalError") }
    let piece = bytes.prefix(target.count)
    target.copyBytes(from: piece)
    return HTTPResponse(
      status: status, headers: headers.merging(["content-length": "\(bytes.count)"]) { $1 },
      bufferedByteCount: piece.count)
  }

  private func list(_ query: [String: String], _ state: State) -> HTTPResponse {
    if query["uploads"] != nil { return HTTPResponse(status: 200, body: Array("<ListMultipartUploadsResult/>".utf8)) }
    let found = state.objects.keys
      .filter {
        $0.hasPrefix(query["prefix"] ?? "") && (query["start-after"] ?? "").utf8.lexicographicallyPrecedes($0.utf8)
      }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let limit = Int(query["max-keys"] ?? "1000")!
    let contents = found.prefix(limit).map { key in
      let encoded = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
      return "<Contents><Key>\(encoded)</Key><Size>\(state.objects[key]!.count)</Size></Contents>"
    }
    let text =
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>"
      + "<IsTruncated>\(found.count > limit)</IsTruncated>\(contents.joined())</ListBucketResult>"
    return HTTPResponse(status: 200, body: Array(text.utf8))
  }

  func error(_ status: Int, _ code: String) -> HTTPResponse {
    HTTPResponse(status: status, body: code.isEmpty ? [] : Array("<Error><Code>\(code)</Code></Error>".utf8))
  }

  private func etag(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { Digest.hex(Digest.md5([$0])!) } }
}
