import CCurl
import Foundation

/// Why the broker's HTTP port did not answer with records.
enum BrokerClientError: Error, CustomStringConvertible {
  case badURL(String)
  case unreachable(url: String, reason: String)
  /// The broker answered with an error of its own.
  case refused(status: Int, message: String)
  case notUnderstood(String)

  var isMistakeOfTheQuery: Bool {
    switch self {
    case .refused(let status, _): status == 400 || status == 404
    case .badURL, .unreachable, .notUnderstood: false
    }
  }

  var description: String {
    switch self {
    case .badURL(let url): "\(url) is not a URL of the form http://127.0.0.1:9643"
    case .unreachable(let url, let reason):
      "no answer from \(url): \(reason); is the broker running, with http.listen on that port? (--url names another)"
    case .refused(_, let message): message
    case .notUnderstood(let reason): "the answer is not one of a Chronik broker: \(reason)"
    }
  }
}

/// Asks a broker's HTTP port, with libcurl. Blocks.
struct BrokerClient {
  let url: String

  /// The longest answer that is taken: the server's bound of an answer, all of it escaped.
  private static let answerByteCountMax = 128 << 20
  private static let connectSeconds = 10

  func search(_ topic: String, _ fields: [String: String]) throws(BrokerClientError) -> SearchReply {
    let path = "/v1/search/" + Self.escaped(topic)
    let body: Data
    do { body = try JSONEncoder().encode(fields) } catch { throw .notUnderstood("\(error)") }
    let (status, answer) = try post(path, Array(body))
    do {
      if status == 200 { return try JSONDecoder().decode(SearchReply.self, from: Data(answer)) }
      let problem = try JSONDecoder().decode(ProblemReply.self, from: Data(answer))
      throw BrokerClientError.refused(status: status, message: problem.error.message)
    } catch let error as BrokerClientError {
      throw error
    } catch {
      throw .notUnderstood("status \(status), \(answer.count) bytes that are not the expected JSON")
    }
  }

  private static func escaped(_ segment: String) -> String {
    segment.utf8.map { byte in
      let isPlain =
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
      return isPlain ? String(Unicode.Scalar(byte)) : "%" + String(256 + Int(byte), radix: 16).dropFirst()
    }.joined()
  }

  private final class Collected {
    var bytes: [UInt8] = []
    var isTooLong = false
    /// Of the last status line; an interim one, such as 100, comes before it.
    var status = 0
  }

  private func post(_ path: String, _ body: [UInt8]) throws(BrokerClientError) -> (status: Int, answer: [UInt8]) {
    let base = url.hasSuffix("/") ? String(url.dropLast()) : url
    guard base.hasPrefix("http://") || base.hasPrefix("https://") else { throw .badURL(url) }
    guard let handle = curl_easy_init() else { throw .unreachable(url: url, reason: "libcurl cannot be set up") }
    defer { curl_easy_cleanup(handle) }
    let fields = curl_slist_append(nil, "Content-Type: application/json")
    defer { curl_slist_free_all(fields) }
    let collected = Collected()
    var body = body
    let code = body.withUnsafeMutableBytes { bytes -> CURLcode in
      _ = ccurl_set_text(handle, CURLOPT_URL, base + path)
      _ = ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
      _ = ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT, Self.connectSeconds)
      // A broker's port is reached directly; a proxy of the environment knows nothing of this machine's own ports.
      _ = ccurl_set_text(handle, CURLOPT_NOPROXY, "*")
      _ = ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, fields)
      _ = ccurl_set_long(handle, CURLOPT_POSTFIELDSIZE, bytes.count)
      _ = ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress)
      _ = ccurl_set_transfer(handle, CURLOPT_WRITEFUNCTION, collect)
      _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(collected).toOpaque())
      _ = ccurl_set_transfer(handle, CURLOPT_HEADERFUNCTION, noteStatus)
      _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, Unmanaged.passUnretained(collected).toOpaque())
      return curl_easy_perform(handle)
    }
    guard code == CURLE_OK else {
      let reason =
        collected.isTooLong
        ? "the answer is too long; ask for fewer records" : String(cString: curl_easy_strerror(code))
      throw .unreachable(url: base, reason: reason)
    }
    return (collected.status, collected.bytes)
  }

  /// libcurl's write function; taking fewer bytes than offered ends the transfer.
  private let collect: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
    bytes, size, count, context in
    guard let bytes, let context else { return 0 }
    let length = size * count
    let collected = Unmanaged<Collected>.fromOpaque(context).takeUnretainedValue()
    guard collected.bytes.count + length <= BrokerClient.answerByteCountMax else {
      collected.isTooLong = true
      return 0
    }
    collected.bytes.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: length))
    return length
  }

  /// libcurl calls this once for each line of the head: "HTTP/1.1 200 OK" is the first.
  private let noteStatus: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
    bytes, size, count, context in
    guard let bytes, let context else { return 0 }
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: size * count), as: UTF8.self)
    if line.hasPrefix("HTTP/"), let status = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
      Unmanaged<Collected>.fromOpaque(context).takeUnretainedValue().status = status
    }
    return size * count
  }

  init(url: String) { self.url = url }
}
