import CCurl

/// One request inside libcurl. Touched by the transport's thread only, between its start and its end.
final class CurlTransfer: @unchecked Sendable {
  let request: HTTPRequest
  let batch: CurlBatch
  let index: Int
  private(set) var response = HTTPResponse(status: 0)
  private(set) var isTooLong = false
  private var headerByteCount = 0
  private var uploaded = 0
  private var headerList: UnsafeMutablePointer<curl_slist>?
  /// Where curl says more than its code does.
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  init(_ request: HTTPRequest, _ batch: CurlBatch, _ index: Int) {
    self.request = request
    self.batch = batch
    self.index = index
  }

  deinit {
    curl_slist_free_all(headerList)
    errorText.deallocate()
  }

  /// Sets every option on a fresh or reset handle.
  func configure(_ handle: UnsafeMutableRawPointer, _ tls: TLSSettings) {
    let me = Unmanaged.passUnretained(self).toOpaque()
    ccurl_set_pointer(handle, CURLOPT_PRIVATE, me)
    errorText.pointee = 0
    ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
    ccurl_set_text(handle, CURLOPT_URL, request.url)
    ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    ccurl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    ccurl_set_long(handle, CURLOPT_PATH_AS_IS, 1)
    ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    // Otherwise removing a handle waits for the resolver's thread.
    ccurl_set_long(handle, CURLOPT_QUICK_EXIT, 1)
    ccurl_set_long(handle, CURLOPT_TCP_NODELAY, 1)
    ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, request.timeoutMilliseconds)
    ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeoutMilliseconds)
    ccurl_set_long(handle, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1 : 0)
    ccurl_set_long(handle, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2 : 0)
    ccurl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let file = tls.authorityFile { ccurl_set_text(handle, CURLOPT_CAINFO, file) }
    if request.isLocal { ccurl_set_text(handle, CURLOPT_NOPROXY, "*") }
    // No "100 Continue" round trip; and no header that curl would invent.
    for (name, value) in request.headers + [("Expect", "")] {
      headerList = curl_slist_append(headerList, value.isEmpty ? "\(name):" : "\(name): \(value)")
    }
    ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, headerList)
    ccurl_set_pointer(handle, CURLOPT_HEADERDATA, me)
    ccurl_set_transfer(handle, CURLOPT_HEADERFUNCTION) { CurlTransfer.from($3).takeHeader($0, $1 * $2) }
    ccurl_set_pointer(handle, CURLOPT_WRITEDATA, me)
    ccurl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { CurlTransfer.from($3).takeBody($0, $1 * $2) }
    configureMethod(handle, me)
  }

  private func configureMethod(_ handle: UnsafeMutableRawPointer, _ me: UnsafeMutableRawPointer) {
    switch request.method {
    case "GET": ccurl_set_long(handle, CURLOPT_HTTPGET, 1)
    case "HEAD": ccurl_set_long(handle, CURLOPT_NOBODY, 1)
    case "PUT", "POST":
      ccurl_set_long(handle, CURLOPT_UPLOAD, 1)
      ccurl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.bodyByteCount))
      ccurl_set_pointer(handle, CURLOPT_READDATA, me)
      ccurl_set_transfer(handle, CURLOPT_READFUNCTION) { CurlTransfer.from($3).giveBody($0, $1 * $2) }
      ccurl_set_pointer(handle, CURLOPT_SEEKDATA, me)
      ccurl_set_seek(handle) { CurlTransfer.from($0).seek($1, $2) }
      if request.method == "POST" { ccurl_set_text(handle, CURLOPT_CUSTOMREQUEST, "POST") }
    default: ccurl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
    }
  }

  /// `verification`: OpenSSL's verdict on the certificate, 0 without objection.
  func result(_ code: CURLcode, verification: Int) -> Result<HTTPResponse, TransportFailure> {
    if isTooLong { return .failure(.tooLong) }
    if code == CURLE_OK { return .success(response) }
    let said = String(cString: errorText)
    let text = said.isEmpty ? String(cString: curl_easy_strerror(code)) : said
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
      return .failure(.unreachable(text))
    case CURLE_OPERATION_TIMEDOUT: return .failure(.timedOut)
    case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_WEIRD_SERVER_REPLY:
      return .failure(.cut(text))
    case CURLE_SSL_CONNECT_ERROR:
      return .failure(TLSProblem(handshake: text).map { .tls($0, text) } ?? .cut(text))
    case CURLE_PEER_FAILED_VERIFICATION:
      return .failure(.tls(TLSProblem(verification: verification), text))
    case CURLE_SSL_CACERT_BADFILE: return .failure(.tls(.authorityFile, text))
    case CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_INITFAILED:
      return .failure(.tls(.other, text))
    default: return .failure(.other(text))
    }
  }

  static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
    Unmanaged<CurlTransfer>.fromOpaque(context!).takeUnretainedValue()
  }
}

extension TLSProblem {
  /// The numbers are OpenSSL's X509_V_ERR_*, from x509_vfy.h. Curl looks at the name itself, before it asks OpenSSL,
  /// and has 1 until then.
  init(verification: Int) {
    switch verification {
    case 0, 1, 62, 64: self = .wrongHost
    case 10: self = .expired
    case 9: self = .notYetValid
    default: self = .unknownAuthority
    }
  }

  /// A handshake that broke off: nil when the connection did.
  init?(handshake text: String) {
    // OpenSSL's own words: of the network it speaks without this, or as of an unexpected end.
    guard text.contains("SSL routines"), !text.contains("unexpected eof") else { return nil }
    let isPlain = ["wrong version number", "packet length too long", "http request", "record layer failure"]
    self = isPlain.contains { text.contains($0) } ? .notTLS : .other
  }
}

// What libcurl calls. Any other number than the bytes offered ends the transfer.
extension CurlTransfer {
  private func takeHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    headerByteCount += count
    guard headerByteCount <= StoreLimits.headerByteCountMax else {
      isTooLong = true
      return 0
    }
    var line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    while let last = line.unicodeScalars.last, last == "\r" || last == "\n" { line.unicodeScalars.removeLast() }
    if line.hasPrefix("HTTP/") {
      // Also after a 100: what came before belongs to the provisional answer.
      let status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      response = HTTPResponse(status: status)
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].drop(while: { $0 == " " || $0 == "\t" })
      response.headers[line[..<colon].lowercased()] = String(value)
    }
    return count
  }

  private func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    let piece = UnsafeRawBufferPointer(start: bytes, count: count)
    var limit = StoreLimits.errorBodyByteCountMax
    switch request.sink {
    case .buffer(let target) where (200..<300).contains(response.status):
      guard count <= target.count - response.bufferedByteCount else {
        isTooLong = true
        return 0
      }
      UnsafeMutableRawBufferPointer(rebasing: target[response.bufferedByteCount...]).copyMemory(from: piece)
      response.bufferedByteCount += count
      return count
    case .buffer: break
    case .memory(let byteCountMax): limit = byteCountMax
    }
    guard response.body.count + count <= limit else {
      isTooLong = true
      return 0
    }
    response.body.append(contentsOf: piece)
    return count
  }

  private func giveBody(_ target: UnsafeMutablePointer<CChar>?, _ room: Int) -> Int {
    let out = UnsafeMutableRawBufferPointer(start: target, count: room)
    var skip = uploaded
    var given = 0
    for part in request.body {
      if skip >= part.count {
        skip -= part.count
        continue
      }
      let piece = UnsafeRawBufferPointer(rebasing: part[skip..<min(part.count, skip + room - given)])
      UnsafeMutableRawBufferPointer(rebasing: out[given...]).copyMemory(from: piece)
      given += piece.count
      skip = 0
      if given == room { break }
    }
    uploaded += given
    return given
  }

  /// When a kept connection turns out to be dead, curl starts the body again on another one.
  private func seek(_ offset: curl_off_t, _ origin: Int32) -> Int32 {
    guard origin == 0, offset >= 0, offset <= request.bodyByteCount else { return CURL_SEEKFUNC_FAIL }
    uploaded = Int(offset)
    return CURL_SEEKFUNC_OK
  }
}
