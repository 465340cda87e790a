import Glibc
import TierKit

/// A file in AWS's format: sections in brackets with `name = value` lines.
enum CredentialsFile {
  /// The credentials of a profile; nil when the text has no complete ones.
  static func parse(_ text: String, profile: String) -> Credentials? {
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
    guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"], !id.isEmpty,
      !secret.isEmpty
    else { return nil }
    return Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: values["aws_session_token"])
  }

  /// Nil: there is no such file. Blocks for the disk.
  static func load(_ path: String, profile: String) throws(TierError) -> Credentials? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw TierError(.invalidConfiguration, "the credentials file \(path) cannot be read: \(Errno(errno))")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: StoreLimits.credentialsFileByteCountMax + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if got < 0, errno == EINTR { continue }
      if got < 0 {
        throw TierError(.invalidConfiguration, "the credentials file \(path) cannot be read: \(Errno(errno))")
      }
      if got == 0 { break }
      count += got
    }
    guard count <= StoreLimits.credentialsFileByteCountMax,
      let found = parse(String(decoding: bytes.prefix(count), as: UTF8.self), profile: profile)
    else {
      throw TierError(
        .invalidConfiguration,
        "the credentials file \(path) has no aws_access_key_id and aws_secret_access_key in a section [\(profile)]")
    }
    return found
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    var rest = text[...]
    while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
    return String(rest)
  }
}
