import Glibc

/// A TCP connection over 127.0.0.1 whose far end is read and thrown away by a thread.
///
/// The sender uses cubic, since the kernel's default may be bbr, which halves loopback.
final class DrainedConnection: @unchecked Sendable {
  let descriptor: Int32
  private let farEnd: Int32
  private var thread = pthread_t()
  /// Set by the draining thread, read after it ended.
  private var drainedByteCount = 0
  private var failure: SystemError?

  init() throws {
    let listener = Int32(try checked("socket", Int(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))))
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try Self.with(&address) { raw in
      try checked("bind", Int(bind(listener, raw, size)))
      try checked("listen", Int(listen(listener, 1)))
      try checked("getsockname", Int(getsockname(listener, raw, &size)))
    }
    descriptor = Int32(try checked("socket", Int(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))))
    let name = "cubic"
    try checked("TCP_CONGESTION", Int(setsockopt(descriptor, Int32(IPPROTO_TCP), 13, name, socklen_t(name.utf8.count))))
    let near = descriptor
    try Self.with(&address) { raw in try checked("connect", Int(connect(near, raw, size))) }
    farEnd = Int32(try checked("accept", Int(accept(listener, nil, nil))))
    let status = pthread_create(&thread, nil, { argument in
      Unmanaged<DrainedConnection>.fromOpaque(argument!).takeUnretainedValue().drain()
      return nil
    }, Unmanaged.passUnretained(self).toOpaque())
    guard status == 0 else { throw SystemError(call: "pthread_create", code: status) }
  }

  private static func with(_ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) throws -> Void) throws {
    try withUnsafeMutablePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0) }
    }
  }

  private func drain() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
      let count = recv(farEnd, buffer.baseAddress!, buffer.count, 0)
      if count < 0 { failure = SystemError(call: "recv") }
      if count <= 0 { return }
      drainedByteCount += count
    }
  }

  /// Sends a region of a file.
  func send(_ file: Int32, at position: Int64, byteCount: Int) throws {
    var offset = off_t(position)
    var left = byteCount
    while left > 0 {
      let count = try checked("sendfile", sendfile(descriptor, file, &offset, left))
      guard count > 0 else { throw SystemError(call: "sendfile", code: EIO) }
      left -= count
    }
  }

  /// Ends the sending side, waits until all is drained and returns how many bytes arrived. Once.
  func finish() throws -> Int {
    shutdown(descriptor, Int32(SHUT_WR))
    pthread_join(thread, nil)
    close(descriptor)
    close(farEnd)
    if let failure { throw failure }
    return drainedByteCount
  }
}
