/// The sizes that decide a record's length prefix.
struct RecordShape {
  let attributes: Int8
  let timestampDelta: Int64
  let offsetDelta: Int32
  let keyByteCount: Int?
  let valueByteCount: Int?
  let headerCount: Int
  let headersByteCount: Int

  /// Bytes of the record behind its length prefix.
  var bodyByteCount: Int {
    1 + Varint.byteCount(timestampDelta) + Varint.byteCount(Int64(offsetDelta))
      + Self.byteCount(nullable: keyByteCount) + Self.byteCount(nullable: valueByteCount)
      + Varint.byteCount(headerCount) + headersByteCount
  }

  /// Bytes of a length prefix, −1 for null, and what it announces.
  static func byteCount(nullable count: Int?) -> Int {
    Varint.byteCount(count ?? -1) + (count ?? 0)
  }
}

/// Bytes of records as they are encoded, behind room for something else. Memory doubles as it fills.
struct EncodedRecords {
  private var storage: [UInt8]
  private var used: Int

  init(reservedByteCount: Int) {
    storage = [UInt8](repeating: 0, count: max(512, reservedByteCount))
    used = reservedByteCount
  }

  var byteCount: Int { used }

  /// Appends a record: `rest` writes its key, value, header count and headers, exactly as `shape` has them.
  mutating func append(_ shape: RecordShape, rest: (inout RecordWriter) -> Void) {
    let length = shape.bodyByteCount
    let end = used + Varint.byteCount(length) + length
    reserve(end)
    storage.withUnsafeMutableBytes { memory in
      var writer = RecordWriter(target: memory.baseAddress! + used)
      writer.put(varint: Int64(length))
      writer.put(byte: UInt8(bitPattern: shape.attributes))
      writer.put(varint: shape.timestampDelta)
      writer.put(varint: Int64(shape.offsetDelta))
      rest(&writer)
      precondition(writer.target == memory.baseAddress! + end, "record differs from its shape")
    }
    used = end
  }

  private mutating func reserve(_ byteCount: Int) {
    guard byteCount > storage.count else { return }
    var larger = [UInt8](repeating: 0, count: max(byteCount, 2 * storage.count))
    larger.withUnsafeMutableBytes { $0.copyBytes(from: storage[..<used]) }
    storage = larger
  }

  /// What was written, without a copy.
  consuming func finish() -> [UInt8] {
    storage.removeLast(storage.count - used)
    return storage
  }
}

/// Writes the fields of a record at an address with room for all of them.
struct RecordWriter {
  fileprivate(set) var target: UnsafeMutableRawPointer

  fileprivate mutating func put(byte: UInt8) {
    target.storeBytes(of: byte, as: UInt8.self)
    target += 1
  }

  mutating func put(varint value: Int64) { target += Varint.write(value, to: target) }

  mutating func put(varint value: Int) { put(varint: Int64(value)) }

  mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    target.copyMemory(from: source, byteCount: bytes.count)
    target += bytes.count
  }

  mutating func put(nullable bytes: UnsafeRawBufferPointer?) {
    put(varint: bytes?.count ?? -1)
    if let bytes { put(bytes) }
  }

  mutating func put(nullable bytes: [UInt8]?) {
    put(varint: bytes?.count ?? -1)
    bytes?.withUnsafeBytes { put($0) }
  }
}
