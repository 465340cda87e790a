import CCRC32C
import TierAPI
import TierKit

extension S3Store {
  public func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo? {
    try ObjectKey.check(key)
    return try self.call(.head, call) { (scope, _) throws(TierError) in try info(key, scope) }
  }

  /// Nil: there is no such object.
  func info(_ key: String, _ scope: CallScope) throws(TierError) -> ObjectInfo? {
    let response = try client().send(S3Request(method: "HEAD", key: fullKey(key), accepted: [404]), scope)
    if response.status == 404 { return nil }
    guard let byteCount = response.contentLength, byteCount >= 0 else {
      throw TierError(.permanent, "HEAD of s3://\(configuration.bucket)/\(fullKey(key)): the answer has no length")
    }
    let modified = response.header("last-modified").flatMap(Timestamp.http) ?? -1
    return ObjectInfo(
      key: key, byteCount: byteCount, modified: modified,
      etag: Array(unquoted(response.header("etag") ?? "").utf8.prefix(64)))
  }

  public func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError) {
    for index in reads.indices { try ObjectKey.check(String(reads[index].key)) }
    try self.call(.read, call) { (scope, _) throws(TierError) in
      let requests = reads.map { read in
        rangeRequest(
          String(read.key), read.offset, UnsafeMutableRawBufferPointer(start: read.buffer, count: read.length))
      }
      let answers = try client().send(requests, scope)
      var failure: TierError?
      for (index, answer) in answers.enumerated() {
        do throws(TierError) {
          let range = try range(try answer.get(), String(reads[index].key), reads[index].offset, scope)
          reads[index].received = range.received
          reads[index].object_byte_count = UInt64(range.objectByteCount)
          reads[index].status = CHRONIK_OK
          metrics.readBytes(range.received)
        } catch {
          reads[index].received = 0
          reads[index].status = error.code.rawValue
          failure = failure ?? error
        }
      }
      if let failure { throw failure }
    }
  }

  typealias Range = (received: Int, objectByteCount: Int)

  func readRange(
    _ key: String, _ offset: UInt64, _ target: UnsafeMutableRawBufferPointer, _ scope: CallScope
  ) throws(TierError) -> Range {
    try range(try client().send(rangeRequest(key, offset, target), scope), key, offset, scope)
  }

  private func rangeRequest(_ key: String, _ offset: UInt64, _ target: UnsafeMutableRawBufferPointer) -> S3Request {
    let (last, overflow) = offset.addingReportingOverflow(UInt64(target.count - 1))
    var headers = [("range", "bytes=\(offset)-\(overflow ? UInt64(Int64.max) : last)")]
    // Checksums are of whole objects.
    if offset == 0 { headers.append(("x-amz-checksum-mode", "ENABLED")) }
    let buffer = SendableBuffer(bytes: target)
    let what = "GET of s3://\(configuration.bucket)/\(fullKey(key))"
    return S3Request(
      method: "GET", key: fullKey(key), headers: headers, sink: .buffer(target), accepted: [404, 416],
      check: { RangeAnswer.problem($0, what, offset, buffer.bytes) })
  }

  /// What an answer that was checked says.
  private func range(
    _ response: HTTPResponse, _ key: String, _ offset: UInt64, _ scope: CallScope
  ) throws(TierError) -> Range {
    switch response.status {
    case 404: throw TierError(.notFound, "there is no object s3://\(configuration.bucket)/\(fullKey(key))")
    case 416:
      var total = response.header("content-range").flatMap(ContentRange.totalOfUnsatisfied)
      if total == nil { total = try info(key, scope)?.byteCount }
      guard let total else {
        throw TierError(.notFound, "there is no object s3://\(configuration.bucket)/\(fullKey(key))")
      }
      guard offset == UInt64(total) else {
        throw TierError(
          .permanent, "s3://\(configuration.bucket)/\(fullKey(key)) has \(total) bytes; there are none at \(offset)")
      }
      return (0, total)
    case 206: return (response.bufferedByteCount, ContentRange(response.header("content-range") ?? "")!.total)
    default: return (response.bufferedByteCount, response.bufferedByteCount)
    }
  }
}

private struct SendableBuffer: @unchecked Sendable { let bytes: UnsafeMutableRawBufferPointer }

/// "bytes 0-99/1234"
struct ContentRange: Equatable {
  var first: Int
  var last: Int
  var total: Int

  /// Nil for anything that is not one range inside its object.
  init?(_ text: String) {
    guard text.hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(whereSeparator: { $0 == "-" || $0 == "/" }).map { Int($0) }
    guard parts.count == 3, let first = parts[0], let last = parts[1], let total = parts[2], first >= 0, first <= last,
      last < total
    else { return nil }
    (self.first, self.last, self.total) = (first, last, total)
  }

  /// "bytes */1234"
  static func totalOfUnsatisfied(_ text: String) -> Int? {
    guard text.hasPrefix("bytes */"), let total = Int(text.dropFirst(8)), total >= 0 else { return nil }
    return total
  }
}

/// Whether the answer to a ranged GET is the range that was asked for. Pure.
enum RangeAnswer {
  static func problem(
    _ response: HTTPResponse, _ what: String, _ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer
  ) -> TierError? {
    let received = response.bufferedByteCount
    var total = received
    switch response.status {
    case 206:
      guard let range = ContentRange(response.header("content-range") ?? ""), UInt64(range.first) == offset,
        range.last - range.first + 1 == received, received == buffer.count || range.last + 1 == range.total
      else { return TierError(.retriable, "\(what): the answer is not the range that was asked for") }
      total = range.total
    case 200:
      guard offset == 0 else { return TierError(.permanent, "\(what): the service ignores the Range header") }
      if let length = response.contentLength, length != received {
        return TierError(.retriable, "\(what): the answer ended before its length")
      }
    default: return nil
    }
    if received == total, let sum = response.header("x-amz-checksum-crc32c"), !sum.contains("-"),
      response.header("x-amz-checksum-type")?.uppercased() != "COMPOSITE"
    {
      let crc = received == 0 ? 0 : ccrc32c_extend(0, buffer.baseAddress, received)
      if sum != Digest.base64(withUnsafeBytes(of: crc.bigEndian) { Array($0) }) {
        return TierError(.corrupt, "\(what): the bytes do not have the checksum that the service names")
      }
    }
    return nil
  }
}
