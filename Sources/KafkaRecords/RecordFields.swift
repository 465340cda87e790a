/// Reads the fields of records from borrowed bytes. Every length is compared with the bytes left before it is used.

struct RecordFields {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  /// Reads one record with its length prefix.
  mutating func record() throws(RecordDefect) -> RecordView {
    let start = position
    let length = Int(try varint())
    guard length >= 0 else { throw .negativeLength }
    guard length <= remaining else { throw .truncated }
    // Fields may not reach beyond this record, so they see no further.
    var body = RecordFields(take(length))
    return try body.recordBody(byteCount: position - start)
  }

  private mutating func recordBody(byteCount: Int) throws(RecordDefect) -> RecordView {
    guard remaining > 0 else { throw .truncated }
    let attributes = Int8(bitPattern: bytes[position])
    position += 1
    let timestampDelta = try varlong()
    let offsetDelta = try varint()
    let key = try nullableBytes(orThrow: .invalidKeyLength)
    let value = try nullableBytes(orThrow: .invalidValueLength)
    let headers = try headers()
    guard remaining == 0 else { throw .lengthMismatch }
    return RecordView(
      attributes: attributes, timestampDelta: timestampDelta, offsetDelta: offsetDelta, key: key, value: value,
      headers: headers, byteCount: byteCount)
  }

  private mutating func headers() throws(RecordDefect) -> HeaderViews {
    let count = Int(try varint())
    // A header takes two bytes at least.
    guard count >= 0, count <= remaining / 2 else { throw .invalidHeaderCount }
    let start = position
    for _ in 0..<count { _ = try header() }
    return HeaderViews(count: count, bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
  }

  mutating func header() throws(RecordDefect) -> HeaderViews.Element {
    guard let key = try nullableBytes(orThrow: .invalidHeaderKeyLength) else { throw .invalidHeaderKeyLength }
    return HeaderViews.Element(key: key, value: try nullableBytes(orThrow: .invalidHeaderValueLength))
  }

  /// A length, −1 for null, and that many bytes. A shorter negative length is a defect.
  private mutating func nullableBytes(orThrow defect: RecordDefect) throws(RecordDefect) -> UnsafeRawBufferPointer? {
    let length = Int(try varint())
    if length == -1 { return nil }
    guard length >= 0, length <= remaining else { throw defect }
    return take(length)
  }

  /// The next `count` bytes, which the caller has found to be there.
  private mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    defer { position += count }
    return UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + position }, count: count)
  }

  private mutating func varint() throws(RecordDefect) -> Int32 {
    do throws(Varint.Failure) {
      return try Varint.read32(bytes, at: &position)
    } catch {
      throw RecordDefect(error)
    }
  }

  private mutating func varlong() throws(RecordDefect) -> Int64 {
    do throws(Varint.Failure) {
      return try Varint.read64(bytes, at: &position)
    } catch {
      throw RecordDefect(error)
    }
  }
}

extension RecordDefect: Error {
  init(_ failure: Varint.Failure) {
    switch failure {
    case .truncated: self = .truncated
    case .overlong: self = .overlongVarint
    }
  }
}
