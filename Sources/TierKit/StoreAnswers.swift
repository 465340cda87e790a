import TierAPI

// What a tier checks in the answers of an object store before it believes them. Pure.

extension chronik_store_read {
  /// What this read says that cannot be; nil when it may be believed. `allOK`: the call as a whole answered OK.
  func contradiction(allOK: Bool) -> String? {
    guard status == CHRONIK_OK else {
      if TierError.Code(rawValue: status) == nil { return "a read of status \(status)" }
      return allOK ? "OK with a read of status \(status)" : nil
    }
    if received > length { return "\(received) bytes for a read of \(length)" }
    let (end, overflow) = offset.addingReportingOverflow(UInt64(received))
    if overflow || end > object_byte_count {
      return "\(received) bytes at \(offset) of an object of \(object_byte_count)"
    }
    if received < length, end < object_byte_count {
      return "\(received) of \(length) bytes at \(offset), which is not the end of an object of \(object_byte_count)"
    }
    return nil
  }
}

/// Takes the visits of one listing and remembers the first thing that is wrong with them.
final class ListingCollector {
  private let prefix: [UInt8]
  private var last: [UInt8]
  private let limit: Int
  private(set) var objects: [ObjectInfo] = []
  private(set) var wrong: String?

  init(prefix: String, startAfter: String, limit: Int) {
    self.prefix = Array(prefix.utf8)
    self.last = Array(startAfter.utf8)
    self.limit = limit
  }

  func add(_ rawKey: chronik_bytes, _ info: chronik_object_info) {
    if wrong != nil { return }
    let bytes = Array(UnsafeBufferPointer(start: rawKey.ptr, count: rawKey.ptr == nil ? 0 : rawKey.len))
    let key = String(decoding: bytes, as: UTF8.self)
    guard objects.count < limit else { return wrong = "more than \(limit) objects" }
    guard ObjectKey.problem(bytes) == nil else { return wrong = "the key '\(key)' is not legal" }
    guard bytes.starts(with: prefix) else { return wrong = "the key '\(key)' does not begin with the prefix" }
    guard last.lexicographicallyPrecedes(bytes) else {
      return wrong = "the key '\(key)' does not come after '\(String(decoding: last, as: UTF8.self))'"
    }
    guard let object = ObjectInfo(key: key, info) else { return wrong = "the object '\(key)' has an impossible size" }
    objects.append(object)
    last = bytes
  }
}

extension ObjectInfo {
  /// Nil when the size fits no object or the etag not its field.
  init?(key: String, _ raw: chronik_object_info) {
    guard let count = Int(exactly: raw.byte_count), raw.etag_length <= UInt32(CHRONIK_STORE_ETAG_CAPACITY) else {
      return nil
    }
    let etag = withUnsafeBytes(of: raw.etag) { Array($0.prefix(Int(raw.etag_length))) }
    self.init(key: key, byteCount: count, modified: raw.modified_ms, etag: etag)
  }
}

extension String {
  /// Calls `body` with the string's UTF-8, borrowed.
  func withBorrowed<R>(_ body: (chronik_bytes) -> R) -> R {
    var copy = self
    return copy.withUTF8 { body(chronik_bytes(ptr: $0.baseAddress, len: $0.count)) }
  }
}

/// Several strings as one list of borrowed bytes.
struct BorrowedStrings {
  private let storage: [UInt8]
  private let ends: [Int]

  init(_ strings: [String]) {
    var storage: [UInt8] = []
    ends = strings.map {
      storage.append(contentsOf: $0.utf8)
      return storage.count
    }
    self.storage = storage
  }

  func withBorrowed<R>(_ body: (UnsafeBufferPointer<chronik_bytes>) -> R) -> R {
    storage.withUnsafeBufferPointer { bytes in
      var start = 0
      let list = ends.map { end in
        defer { start = end }
        return chronik_bytes(ptr: bytes.baseAddress.map { $0 + start }, len: end - start)
      }
      return list.withUnsafeBufferPointer(body)
    }
  }
}
