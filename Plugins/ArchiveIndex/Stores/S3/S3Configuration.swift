import TierKit

/// The settings of the store `s3`.
struct S3Configuration: Sendable {
  /// "https" or "http".
  var scheme: String
  /// With the port when the endpoint names one.
  var host: String
  var region: String
  /// AWS, whose host names the region.
  var isDefaultEndpoint: Bool
  var bucket: String
  /// Empty, or ends with a slash.
  var prefix: String
  /// The bucket is the first part of the path and not of the host's name.
  var usesPathStyle: Bool
  var accessKeyID: String?
  var secretAccessKey: String?
  var sessionToken: String?
  var credentialsFile: String?
  var profile: String
  /// By a setting or AWS_PROFILE.
  var isProfileChosen: Bool
  var tls: TLSSettings
  var connectionsMax: Int
  /// Milliseconds.
  var connectTimeout: Int
  /// Milliseconds of one HTTP request.
  var requestTimeout: Int
  /// How often a failed request is sent again.
  var retriesMax: Int
  /// Bytes of an object from which on it is uploaded in parts.
  var multipartThreshold: Int
  /// Bytes of a part.
  var partByteCount: Int

  init(_ options: StoreOptions, environment: [String: String]) throws(TierError) {
    func text(_ key: String) -> String? { options.settings[key].flatMap { $0.isEmpty ? nil : $0 } }
    region = text(Key.region) ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
    guard let bucket = text(Key.bucket), Self.isBucketName(bucket) else {
      throw TierError(.invalidConfiguration, "\(Key.bucket): '\(text(Key.bucket) ?? "")' is not the name of a bucket")
    }
    self.bucket = bucket
    guard !region.utf8.contains(where: { !Self.isHostCharacter($0) }) else {
      throw TierError(.invalidConfiguration, "\(Key.region): '\(region)' is not the name of a region")
    }
    prefix = try Self.prefix(text(Key.prefix) ?? "")
    let endpoint = text(Key.endpoint)
    isDefaultEndpoint = endpoint == nil
    (scheme, host) = try Self.endpoint(endpoint ?? "https://\(Self.defaultHost(region))")
    switch text(Key.pathStyle) {
    case "true": usesPathStyle = true
    case "false": usesPathStyle = false
    // A wildcard certificate covers no bucket with a dot, and few services besides AWS have a name for each bucket.
    default: usesPathStyle = endpoint != nil || bucket.contains(".") || !Self.isHostLabel(bucket)
    }
    if !usesPathStyle { try Self.checkVirtualHost(bucket, host) }
    accessKeyID = text(Key.accessKeyID)
    secretAccessKey = text(Key.secretAccessKey)
    sessionToken = text(Key.sessionToken)
    guard (accessKeyID == nil) == (secretAccessKey == nil) else {
      throw TierError(
        .invalidConfiguration, "\(Key.accessKeyID) and \(Key.secretAccessKey): one is set without the other")
    }
    credentialsFile = text(Key.credentialsFile)
    let chosen = text(Key.profile) ?? environment["AWS_PROFILE"]
    profile = chosen ?? "default"
    isProfileChosen = chosen != nil
    tls = TLSSettings(verify: text(Key.verify) != "false", authorityFile: text(Key.authorityFile))
    if tls.authorityFile != nil, scheme == "http" {
      throw TierError(
        .invalidConfiguration, "\(Key.authorityFile): it is for https://, and the \(Key.endpoint) '\(endpoint!)' is not"
      )
    }
    connectionsMax = try Int(options.integer(Key.connections))
    connectTimeout = try Int(options.integer(Key.connectTimeout))
    requestTimeout = try Int(options.integer(Key.requestTimeout))
    retriesMax = try Int(options.integer(Key.retries))
    multipartThreshold = try Int(options.integer(Key.multipartThreshold))
    partByteCount = try Int(options.integer(Key.partSize))
  }

  static func defaultHost(_ region: String) -> String {
    "s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
  }

  private static func endpoint(_ text: String) throws(TierError) -> (String, String) {
    for scheme in ["https", "http"] where text.hasPrefix("\(scheme)://") {
      var host = text.dropFirst(scheme.count + 3)
      if host.hasSuffix("/") { host = host.dropLast() }
      let isPlain = host.utf8.allSatisfy { isHostCharacter($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "[")
        || $0 == UInt8(ascii: "]") }
      // Neither curl nor the service would put the default port into what is signed.
      let port = scheme == "https" ? ":443" : ":80"
      if host.hasSuffix(port) { host = host.dropLast(port.count) }
      if !host.isEmpty, isPlain { return (scheme, host.lowercased()) }
    }
    throw TierError(
      .invalidConfiguration, "\(Key.endpoint): '\(text)' is not http:// or https:// with a host and perhaps a port")
  }

  private static func prefix(_ text: String) throws(TierError) -> String {
    // Bytes, not characters: a slash with an accent behind it is one character and no slash.
    let slash = UInt8(ascii: "/")
    var name = Array(text.utf8)[...]
    while name.last == slash { name.removeLast() }
    while name.first == slash { name.removeFirst() }
    if name.isEmpty { return "" }
    var problem: String?
    if name.count > prefixByteCountMax { problem = "is longer than \(prefixByteCountMax) bytes" }
    if name.contains(where: { $0 < 0x20 || $0 == 0x7F }) { problem = "has a control character" }
    // Programs on the way take these for steps between directories.
    if name.split(separator: slash).contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) {
      problem = "has a part that is '.' or '..'"
    }
    if let problem { throw TierError(.invalidConfiguration, "\(Key.prefix): '\(text)' \(problem)") }
    return String(decoding: name, as: UTF8.self) + "/"
  }

  /// Bytes. A service allows 1,024 for prefix and key together; the archive's keys have less than half.
  private static let prefixByteCountMax = 500

  private static func isBucketName(_ name: String) -> Bool {
    (3...63).contains(name.utf8.count) && name.utf8.allSatisfy(isHostCharacter) && !name.hasPrefix(".")
  }

  /// Whether a bucket may stand in a host's name: letters there have no case.
  private static func isHostLabel(_ bucket: String) -> Bool {
    !bucket.utf8.contains { $0 == UInt8(ascii: "_") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
  }

  private static func checkVirtualHost(_ bucket: String, _ host: String) throws(TierError) {
    if !isHostLabel(bucket) {
      throw TierError(
        .invalidConfiguration,
        "\(Key.pathStyle): the bucket '\(bucket)' has capital letters or '_' and cannot be a part of a host's name; it "
          + "needs true")
    }
    let name = host.prefix { $0 != ":" }
    if host.hasPrefix("[") || name.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (48...57).contains($0) }) {
      throw TierError(
        .invalidConfiguration,
        "\(Key.pathStyle): a bucket cannot stand before the address '\(host)'; it needs "
          + "true, or an \(Key.endpoint) with "
          + "a name")
    }
  }

  private static func isHostCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
