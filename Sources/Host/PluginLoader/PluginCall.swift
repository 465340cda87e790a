import TierAPI

/// What calls into plugins have in common: message buffers, statuses and lists of settings.
enum PluginCall {
  /// Calls `create` of a product and returns the instance, or throws what it said.
  static func create(
    _ origin: String,
    _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<chronik_message>) -> chronik_status
  ) throws(TierFailure) -> UnsafeMutableRawPointer {
    var out: UnsafeMutableRawPointer?
    var failed: TierFailure?
    withMessage { message in
      let status = body(&out, message)
      if status != CHRONIK_OK { failed = failure(status, origin, message) }
    }
    if let failed { throw failed }
    guard let out else { throw TierFailure(.permanent, origin: origin, message: "answered OK without a result") }
    return out
  }

  /// Runs a call that answers OK or a failure.
  static func check(
    _ origin: String, _ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status
  ) throws(TierFailure) {
    var failed: TierFailure?
    withMessage { message in
      let status = body(message)
      if status != CHRONIK_OK { failed = failure(status, origin, message) }
    }
    if let failed { throw failed }
  }

  static func failure(
    _ status: chronik_status, _ origin: String, _ message: UnsafeMutablePointer<chronik_message>
  ) -> TierFailure {
    let length = min(message.pointee.length, message.pointee.capacity)
    let text = UnsafeRawBufferPointer(start: message.pointee.text, count: length)
    return TierFailure(
      TierFailure.Code(rawValue: status) ?? .permanent, origin: origin, message: String(decoding: text, as: UTF8.self))
  }

  /// 512 bytes on the stack hold any sentence worth reading.
  @inline(__always)
  static func withMessage<R>(_ body: (UnsafeMutablePointer<chronik_message>) -> R) -> R {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
      var message = chronik_message(text: text.baseAddress!, capacity: 512, length: 0)
      return body(&message)
    }
  }

  /// Calls `body` with an instance's name, its directory and its settings as C sees them, borrowed for the call.
  static func withOptions<R>(
    _ name: String, _ directory: String, _ settings: [(String, String)],
    _ body: (chronik_bytes, chronik_bytes, UnsafeBufferPointer<chronik_setting>) -> R
  ) -> R {
    var storage: [UInt8] = []
    let pieces = [name, directory] + settings.flatMap { [$0.0, $0.1] }
    let ranges = pieces.map { piece in
      let start = storage.count
      storage.append(contentsOf: piece.utf8)
      return start..<storage.count
    }
    return storage.withUnsafeBufferPointer { bytes in
      func piece(_ index: Int) -> chronik_bytes {
        chronik_bytes(ptr: bytes.baseAddress.map { $0 + ranges[index].lowerBound }, len: ranges[index].count)
      }
      let list = settings.indices.map { chronik_setting(key: piece(2 + 2 * $0), value: piece(3 + 2 * $0)) }
      return list.withUnsafeBufferPointer { body(piece(0), piece(1), $0) }
    }
  }
}
