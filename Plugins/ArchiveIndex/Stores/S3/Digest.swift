import CLibCrypto

/// Checksums as S3 wants them, by libcrypto.
enum Digest {
  static func sha256(_ parts: [UnsafeRawBufferPointer]) -> [UInt8] { digest(parts, EVP_sha256())! }
  static func sha256(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { sha256([$0]) } }
  /// Nil where the system's rules (FIPS) forbid MD5.
  static func md5(_ parts: [UnsafeRawBufferPointer]) -> [UInt8]? { digest(parts, EVP_md5()) }

  static func hmacSHA256(_ key: [UInt8], _ text: String) -> [UInt8] {
    var block = key.count > 64 ? sha256(key) : key
    block += [UInt8](repeating: 0, count: 64 - block.count)
    let inner = sha256(block.map { $0 ^ 0x36 } + Array(text.utf8))
    return sha256(block.map { $0 ^ 0x5C } + inner)
  }

  static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  static func base64(_ bytes: [UInt8]) -> String {
    // EVP_EncodeBlock ends its text with a zero byte.
    var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let count = EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
    return String(decoding: text.prefix(Int(count)), as: UTF8.self)
  }

  private static func digest(_ parts: [UnsafeRawBufferPointer], _ kind: OpaquePointer?) -> [UInt8]? {
    guard let kind, let context = EVP_MD_CTX_new() else { return nil }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestInit_ex(context, kind, nil) == 1 else { return nil }
    for part in parts where !part.isEmpty {
      guard EVP_DigestUpdate(context, part.baseAddress, part.count) == 1 else { return nil }
    }
    var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard EVP_DigestFinal_ex(context, &result, &count) == 1 else { return nil }
    return Array(result.prefix(Int(count)))
  }
}
