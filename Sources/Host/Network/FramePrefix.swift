/// The four bytes in front of every frame: a plausible size, or what somebody else's protocol looks like.
enum FramePrefix {
  /// The smallest request has an 8-byte header and a client id length.
  static let byteCountMin: UInt32 = 8

  /// Says what is wrong with a size prefix, or nil when a frame may follow.
  static func complaint(_ size: UInt32, byteCountMax: Int) -> String? {
    if size >= byteCountMin, size <= UInt32(clamping: byteCountMax) { return nil }
    let bytes = withUnsafeBytes(of: size.bigEndian) { Array($0) }
    if bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) {
      let text = String(decoding: bytes, as: UTF8.self)
      return Self.methods.contains(text)
        ? "an HTTP request (\"\(text)…\"); this port speaks the Kafka protocol" : "the text \"\(text)…\""
    }
    if bytes[0] == 0x16, bytes[1] == 0x03 { return "a TLS handshake; this listener is plaintext" }
    if size < byteCountMin { return "a frame of \(size) bytes, which is shorter than any request header" }
    if size > UInt32(Int32.max) { return "a frame of \(Int32(bitPattern: size)) bytes" }
    return "a frame of \(size) bytes; network.max_request_bytes allows \(byteCountMax)"
  }

  static func isHTTP(_ size: UInt32) -> Bool {
    methods.contains(String(decoding: withUnsafeBytes(of: size.bigEndian) { Array($0) }, as: UTF8.self))
  }

  /// What a person sees who points a browser or curl at the Kafka port.
  static let answerToHTTP: String = {
    let text = "This port speaks the Kafka protocol, not HTTP. Use a Kafka client, for example: kcat -b HOST:PORT -L\n"
    return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: \(text.utf8.count)\r\n"
      + "Connection: close\r\n\r\n\(text)"
  }()

  private static let methods: Set<String> = [
    "GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN", "TRAC", "PRI ",
  ]
}
