import TierAPI

/// One running instance of a tier. This file and its extensions are the only place on the host's side that calls the C
/// vtable; `tier.h` states the thread, blocking and ownership rules, which the methods here pass on unchanged.
///
/// What a plugin answers is checked here (status codes, counts, ranges), so that a broken plugin yields an error and
/// not a broken host.
public final class TierHandle: @unchecked Sendable {
  public let name: String
  public let descriptor: ProductDescriptor
  let table: UnsafePointer<chronik_tier>
  let me: UnsafeMutableRawPointer
  private let host: HostTable

  /// Creates the instance. May block. `settings` are normalised as `plugin.h` demands.
  public init(
    _ product: TierProduct, name: String, dataDirectory: String, settings: [(String, String)], host: any PluginHost
  ) throws(TierFailure) {
    let hostTable = HostTable(host)
    let created: UnsafeMutableRawPointer = try Self.call("\(name).create") { message in
      var out: UnsafeMutableRawPointer?
      let status = Self.withOptions(name, dataDirectory, settings) { options in
        product.vtable.pointee.create(hostTable.pointer, options, &out, message)
      }
      return (status, out)
    }
    self.name = name
    descriptor = product.descriptor
    table = product.vtable
    me = created
    self.host = hostTable
  }

  deinit { table.pointee.destroy(me) }

  public func has(_ ability: Int) -> Bool { descriptor.abilities & UInt64(ability) != 0 }
  public func has(_ ability: UInt64) -> Bool { descriptor.abilities & ability != 0 }

  /// May block: recovery of what is not per partition.
  public func start() throws(TierFailure) {
    try check("start") { table.pointee.start(me, $0) }
  }

  /// May block. Every partition must have been closed.
  public func stop() { table.pointee.stop(me) }

  /// The plugin's answer to an extension id; nil when not offered.
  public func `extension`(_ id: String) -> UnsafeRawPointer? { table.pointee.get_extension?(me, id) }

  /// Runs a C call with a message buffer and turns a bad status into a failure.
  func check(_ function: StaticString, _ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status)
    throws(TierFailure)
  {
    let status = try answer(function, body)
    guard status == CHRONIK_OK else {
      throw TierFailure(.permanent, origin: "\(name).\(function)", message: "unexpected status \(status)")
    }
  }

  /// As ``check``, but lets OK, MISS and WOULD_BLOCK through.
  @inline(__always)
  func answer(_ function: StaticString, _ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status)
    throws(TierFailure) -> chronik_status
  {
    var failure: TierFailure?
    let status = Self.withMessage { message in
      let status = body(message)
      if status < CHRONIK_OK || status > CHRONIK_WOULD_BLOCK {
        failure = Self.failure(status, "\(name).\(function)", message)
      }
      return status
    }
    if let failure { throw failure }
    return status
  }

  static func call<T>(
    _ origin: String, _ body: (UnsafeMutablePointer<chronik_message>) -> (chronik_status, T?)
  ) throws(TierFailure) -> T {
    var failure: TierFailure?
    let result: T? = withMessage { message in
      let (status, value) = body(message)
      if status == CHRONIK_OK, let value { return value }
      failure =
        status == CHRONIK_OK
        ? TierFailure(.permanent, origin: origin, message: "answered OK without a result")
        : Self.failure(status, origin, message)
      return nil
    }
    guard let result else { throw failure! }
    return result
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

  private static func withOptions<R>(
    _ name: String, _ directory: String, _ settings: [(String, String)],
    _ body: (UnsafePointer<chronik_tier_options>) -> R
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
      return list.withUnsafeBufferPointer { settings in
        var options = chronik_tier_options(
          struct_size: UInt32(MemoryLayout<chronik_tier_options>.size), setting_count: UInt32(settings.count),
          instance_name: piece(0), data_directory: piece(1), settings: settings.baseAddress)
        return body(&options)
      }
    }
  }
}
