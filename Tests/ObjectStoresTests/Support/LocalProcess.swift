import Foundation
import Synchronization

/// A program with a directory of its own, ended with the test run at the latest.
final class LocalProcess: Sendable {
  private let directory: String
  private let pid: pid_t
  private let status = Mutex<Int32?>(nil)
  private static let running = Mutex<[pid_t: String]>([:])
  private static let endsAll: Void = {
    atexit { for (pid, directory) in LocalProcess.running.withLock({ $0 }) { LocalProcess.end(pid, directory) } }
  }()

  /// `arguments` and `prepare` are given the directory.
  init(_ program: String, _ arguments: (String) -> [String], prepare: (String) throws -> Void) throws {
    directory = NSTemporaryDirectory() + "chronik-weed-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try prepare(directory)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, directory + "/log", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let words = [program] + arguments(directory)
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, program, &actions, nil, &pointers, environ)
    guard result == 0 else {
      throw SeaweedServer.Failure(description: "\(program) cannot be started: \(String(cString: strerror(result)))")
    }
    self.pid = pid
    let directory = directory
    Self.running.withLock { $0[pid] = directory }
    _ = Self.endsAll
  }

  /// Nil: it still runs after so many milliseconds. A signal's number is negative.
  func exitStatus(milliseconds: Int32) -> Int32? {
    let end = TestHost.read(CLOCK_MONOTONIC) + Int64(milliseconds) * 1_000_000
    while true {
      let found = status.withLock { status -> Int32? in
        if status != nil { return status }
        var raw: Int32 = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
        status = raw & 0x7F == 0 ? raw >> 8 & 0xFF : -(raw & 0x7F)
        return status
      }
      if found != nil || TestHost.read(CLOCK_MONOTONIC) >= end { return found }
      poll(nil, 0, 10)
    }
  }

  /// The end of what it wrote.
  var lastWords: String {
    guard let data = FileManager.default.contents(atPath: directory + "/log") else { return "it wrote nothing" }
    return String(decoding: data.suffix(2_000), as: UTF8.self)
  }

  /// Its orderly end would take half a minute.
  func end() {
    guard Self.running.withLock({ $0.removeValue(forKey: pid) }) != nil else { return }
    if status.withLock({ $0 == nil }) {
      kill(pid, SIGKILL)
      _ = exitStatus(milliseconds: 10_000)
    }
    Self.remove(directory)
  }

  private static func end(_ pid: pid_t, _ directory: String) {
    kill(pid, SIGKILL)
    var raw: Int32 = 0
    waitpid(pid, &raw, 0)
    remove(directory)
  }

  private static func remove(_ directory: String) {
    do { try FileManager.default.removeItem(atPath: directory) } catch { print("\(directory) stays: \(error)") }
  }
}

/// Ports of 127.0.0.1.
enum LocalPort {
  /// A socket that listens and never accepts: the kernel takes connections and nobody answers. Closed by the caller.
  static func listener(_ port: Int = 0) -> (descriptor: Int32, port: Int)? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.address(port)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    if isListening { return (descriptor, Int(UInt16(bigEndian: address.sin_port))) }
    close(descriptor)
    return nil
  }

  static func isFree(_ port: Int) -> Bool {
    guard let (descriptor, _) = listener(port) else { return false }
    close(descriptor)
    return true
  }

  /// Whether somebody there answers a request within a second.
  static func answersHTTP(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    var address = Self.address(port)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    let request = Array("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
    guard isConnected, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      return false
    }
    var answer = [UInt8](repeating: 0, count: 5)
    return recv(descriptor, &answer, 5, Int32(MSG_WAITALL)) == 5 && answer == Array("HTTP/".utf8)
  }

  private static func address(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}
