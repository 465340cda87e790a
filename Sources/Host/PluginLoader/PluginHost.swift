import TierAPI

/// What the host offers one plugin instance; the C table of `host.h` is built over it. Every function may be called
/// from any thread and must not block.
public protocol PluginHost: AnyObject, Sendable {
  func log(level: Int32, text: String, fields: [(String, String)])
  var wallClockMilliseconds: Int64 { get }
  var monotonicNanoseconds: Int64 { get }
  var random: UInt64 { get }
  func addToCounter(_ name: String, _ delta: Int64)
  func setGauge(_ name: String, _ value: Int64)
  func observe(_ name: String, seconds: Double)
  func accountMemory(_ delta: Int64)
  /// Runs `work` once on the blocking pool; false when its queue is full.
  func runBlocking(_ work: @escaping @Sendable () -> Void) -> Bool
  /// The C struct of an optional ability by id, valid as long as the instance lives, or nil.
  func extensionTable(_ id: String) -> UnsafeRawPointer?
}

extension PluginHost {
  public func extensionTable(_ id: String) -> UnsafeRawPointer? { nil }
}

/// The C table over a ``PluginHost``. It must outlive the instance that was created with it.
final class HostTable: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<chronik_host>
  private let host: any PluginHost

  init(_ host: any PluginHost) {
    self.host = host
    pointer = .allocate(capacity: 1)
    let box = Unmanaged.passRetained(HostBox(host))
    pointer.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: CHRONIK_ABI_MAJOR,
        abi_minor: CHRONIK_ABI_MINOR, reserved: 0, context: box.toOpaque(),
        log: { context, level, text, fields, count in
          let list = UnsafeBufferPointer(start: fields, count: fields == nil ? 0 : count)
          HostBox.from(context).log(
            level: level, text: String(borrowing: text),
            fields: list.map { (String(borrowing: $0.key), String(borrowing: $0.value)) })
        },
        wall_clock_ms: { HostBox.from($0).wallClockMilliseconds },
        monotonic_ns: { HostBox.from($0).monotonicNanoseconds },
        random: { HostBox.from($0).random },
        counter_add: { HostBox.from($0).addToCounter(String(borrowing: $1), $2) },
        gauge_set: { HostBox.from($0).setGauge(String(borrowing: $1), $2) },
        observe_seconds: { HostBox.from($0).observe(String(borrowing: $1), seconds: $2) },
        account_memory: { HostBox.from($0).accountMemory($1) },
        run_blocking: { context, work, argument in
          let job = BlockingJob(work: work, argument: argument)
          return HostBox.from(context).runBlocking { job.run() } ? CHRONIK_OK : CHRONIK_THROTTLED
        },
        get_extension: { context, id in HostBox.from(context).extensionTable(String(cString: id)) }))
  }

  deinit {
    if let context = pointer.pointee.context { Unmanaged<HostBox>.fromOpaque(context).release() }
    pointer.deinitialize(count: 1)
    pointer.deallocate()
  }
}

private final class HostBox: Sendable {
  let host: any PluginHost
  init(_ host: any PluginHost) { self.host = host }
  static func from(_ context: UnsafeMutableRawPointer?) -> any PluginHost {
    Unmanaged<HostBox>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.host }
  }
}

private struct BlockingJob: @unchecked Sendable {
  let work: @convention(c) (UnsafeMutableRawPointer?) -> Void
  let argument: UnsafeMutableRawPointer?
  func run() { work(argument) }
}

extension String {
  /// Copies borrowed UTF-8; what is not UTF-8 becomes U+FFFD.
  init(borrowing bytes: chronik_bytes) {
    guard let start = bytes.ptr, bytes.len > 0 else {
      self = ""
      return
    }
    self = String(decoding: UnsafeBufferPointer(start: start, count: bytes.len), as: UTF8.self)
  }
}
