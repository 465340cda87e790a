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
    let created = try PluginCall.create("\(name).create") { out, message in
      PluginCall.withOptions(name, dataDirectory, settings) { name, directory, settings in
        var options = chronik_tier_options(
          struct_size: UInt32(MemoryLayout<chronik_tier_options>.size), setting_count: UInt32(settings.count),
          instance_name: name, data_directory: directory, settings: settings.baseAddress)
        return product.vtable.pointee.create(hostTable.pointer, &options, out, message)
      }
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
    let status = PluginCall.withMessage { message in
      let status = body(message)
      if status < CHRONIK_OK || status > CHRONIK_WOULD_BLOCK {
        failure = PluginCall.failure(status, "\(name).\(function)", message)
      }
      return status
    }
    if let failure { throw failure }
    return status
  }
}
