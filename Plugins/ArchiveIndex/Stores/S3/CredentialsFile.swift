import Glibc
import TierKit

/// A file in AWS's format: sections in brackets with `name = value` lines.
enum CredentialsFile {
  /// What a file says of one profile.
  enum Profile: Equatable {
    case keys(Credentials)
    /// The section is not there, or empty.
    case absent
    /// The section asks for something else than a key: the setting that it names.
    case unsupported(String)
    /// A key without its secret, or the other way round, or with characters that no key has.
    case incomplete
  }

  static func parse(_ text: String, profile: String) -> Profile {
    let values = section(text, profile)
    if values.isEmpty { return .absent }
    let id = values["aws_access_key_id"] ?? ""
    let secret = values["aws_secret_access_key"] ?? ""
    if id.isEmpty, secret.isEmpty {
      return unsupportedNames.first { values[$0] != nil }.map { .unsupported($0) } ?? .incomplete
    }
    let token = values["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 }
    let found = Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
    return found.isWellFormed ? .keys(found) : .incomplete
  }

  /// Ways to credentials that AWS's own programs know and this store does not.
  private static let unsupportedNames = [
    "role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file", "source_profile",
    "credential_source",
  ]

  private static func section(_ text: String, _ profile: String) -> [String: String] {
    var isInside = false
    var values: [String: String] = [:]
    for rawLine in text.split(whereSeparator: \.isNewline) {
      let line = trimmed(rawLine)
      if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
      if line.hasPrefix("["), line.hasSuffix("]") {
        let section = trimmed(line.dropFirst().dropLast())
        isInside = section == profile || section == "profile \(profile)"
      } else if isInside, let equals = line.firstIndex(of: "=") {
        values[trimmed(line[..<equals]).lowercased()] = trimmed(line[line.index(after: equals)...])
      }
    }
    return values
  }

  /// Nil: there is no such file; `absent` only when `mayBeAbsent`. Blocks for the disk.
  static func load(_ path: String, profile: String, mayBeAbsent: Bool = false) throws(TierError) -> Credentials? {
    guard let bytes = try SmallFile.read(path, "the credentials file") else { return nil }
    let problem: String
    switch parse(String(decoding: bytes, as: UTF8.self), profile: profile) {
    case .keys(let found): return found
    case .absent:
      if mayBeAbsent { return nil }
      problem = "has no section [\(profile)] with aws_access_key_id and aws_secret_access_key"
    case .incomplete: problem = "has no aws_access_key_id and aws_secret_access_key in its section [\(profile)]"
    case .unsupported(let name):
      problem =
        "asks in its section [\(profile)] for \(name), which this store does not know; \(CredentialsChain.supported)"
    }
    throw TierError(.invalidConfiguration, "the credentials file \(path) \(problem)")
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    var rest = text[...]
    while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
    return String(rest)
  }
}

/// A file of a few hundred bytes that an operator or a platform keeps for us.
enum SmallFile {
  /// Nil: there is none. `invalidConfiguration` when it cannot be read or is no small file; `what` begins the message.
  static func read(_ path: String, _ what: String) throws(TierError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw TierError(.invalidConfiguration, "\(what) \(path) cannot be read: \(Errno(errno))")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: StoreLimits.credentialsFileByteCountMax + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if got < 0, errno == EINTR { continue }
      if got < 0 { throw TierError(.invalidConfiguration, "\(what) \(path) cannot be read: \(Errno(errno))") }
      if got == 0 { break }
      count += got
    }
    guard count <= StoreLimits.credentialsFileByteCountMax else {
      throw TierError(
        .invalidConfiguration, "\(what) \(path) has more than \(StoreLimits.credentialsFileByteCountMax) bytes")
    }
    return Array(bytes.prefix(count))
  }

  /// The text of a file that holds one token, without the white space around it. Nil: there is none, or it is empty.
  static func token(_ path: String, _ what: String) throws(TierError) -> String? {
    guard let bytes = try read(path, what) else { return nil }
    let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard token.count <= 1, token.first.map({ $0.utf8.allSatisfy(Credentials.isPlain) }) ?? true else {
      throw TierError(.invalidConfiguration, "\(what) \(path) holds something that is no token")
    }
    return token.first.map(String.init)
  }
}
