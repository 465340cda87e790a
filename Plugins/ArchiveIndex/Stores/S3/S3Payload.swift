import CCRC32C
import TierKit

/// Bytes to upload with their checksums. Borrowed from the caller.
struct S3Payload {
  let parts: [UnsafeRawBufferPointer]
  let byteCount: Int
  private let sha256: String
  private let md5: [UInt8]?
  private let crc32c: String

  init(_ parts: [UnsafeRawBufferPointer]) {
    self.parts = parts
    byteCount = parts.reduce(0) { $0 + $1.count }
    sha256 = Digest.hex(Digest.sha256(parts))
    md5 = Digest.md5(parts)
    let crc = parts.reduce(UInt32(0)) { $1.isEmpty ? $0 : ccrc32c_extend($0, $1.baseAddress, $1.count) }
    crc32c = Digest.base64(withUnsafeBytes(of: crc.bigEndian) { Array($0) })
  }

  /// The ETag of an object that was stored whole and unencrypted.
  var etag: String? { md5.map(Digest.hex) }
  var md5Bytes: [UInt8]? { md5 }

  func request(
    _ method: String, _ key: String, query: [(String, String)] = [], checksum: Bool, ifAbsent: Bool,
    accepted: Set<Int>
  ) -> S3Request {
    var headers: [(String, String)] = []
    if let md5 { headers.append(("content-md5", Digest.base64(md5))) }
    if checksum { headers.append(("x-amz-checksum-crc32c", crc32c)) }
    if ifAbsent { headers.append(("if-none-match", "*")) }
    return S3Request(
      method: method, key: key, query: query, headers: headers, body: parts, payloadHash: sha256, accepted: accepted)
  }

  enum Arrival { case verified, damaged, unknown }

  /// What the answer to an upload says about the bytes that arrived.
  func arrival(_ response: HTTPResponse) -> Arrival {
    if let stored = response.header("x-amz-checksum-crc32c") { return stored == crc32c ? .verified : .damaged }
    let stored = response.header("etag").map(unquoted)
    return stored != nil && stored == etag ? .verified : .unknown
  }
}

/// ETags stand in quotes.
func unquoted(_ text: String) -> String { text.filter { $0 != "\"" } }

/// A range of the concatenation of several parts.
func slices(_ parts: [UnsafeRawBufferPointer], _ range: Range<Int>) -> [UnsafeRawBufferPointer] {
  var result: [UnsafeRawBufferPointer] = []
  var start = 0
  for part in parts {
    let from = max(range.lowerBound, start)
    let to = min(range.upperBound, start + part.count)
    if from < to { result.append(UnsafeRawBufferPointer(rebasing: part[(from - start)..<(to - start)])) }
    start += part.count
  }
  return result
}
