import Glibc
import Synchronization

/// How to start this program again: the executable and the words that lead to the contract command.
public struct Respawn: Sendable {
  public var executable: String
  public var prefix: [String]

  public init(executable: String, prefix: [String]) {
    self.executable = executable
    self.prefix = prefix
  }

  /// The running program.
  public static func thisProgram(prefix: [String]) -> Respawn {
    Respawn(executable: "/proc/self/exe", prefix: prefix)
  }
}

/// How a process ended.
enum ProcessEnd: Equatable {
  case exited(Int32)
  case signalled(Int32)

  var text: String {
    switch self {
    case .exited(let code): "ended the process with exit code \(code)"
    case .signalled(let number): "crashed with \(Self.name(of: number))"
    }
  }

  private static func name(of signal: Int32) -> String {
    let names = [
      SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE", SIGTRAP: "SIGTRAP",
      SIGPIPE: "SIGPIPE", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM",
    ]
    return names[signal] ?? "signal \(signal)"
  }
}

/// A child whose standard output is read line by line. Its standard input is a pipe that closes when this process ends,
/// however it ends, which is how a waiting child learns that nobody needs it any more.
final class ChildProcess {
  private let id: pid_t
  private let output: Int32
  private let input: Int32
  private var buffer: [UInt8] = []
  private(set) var end: ProcessEnd?

  /// nil when the system refuses to start it.
  init?(_ respawn: Respawn, _ arguments: [String]) {
    guard let started = Self.starting.withLock({ _ in Self.start(respawn, arguments) }) else { return nil }
    (id, input, output) = started
  }

  /// Between pipe and fcntl another thread's child would inherit the ends and keep them open.
  private static let starting = Mutex(())

  private static func start(_ respawn: Respawn, _ arguments: [String]) -> (pid_t, input: Int32, output: Int32)? {
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { return nil }
    for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    defer {
      close(toChild[0])
      close(fromChild[1])
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    let words = [respawn.executable] + respawn.prefix + arguments
    // A crash is an expected answer here: its report must not cost seconds.
    let variables = environment().filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
    var id: pid_t = 0
    let status = withCStrings(words) { words in
      withCStrings(variables) { posix_spawn(&id, respawn.executable, &actions, nil, words, $0) }
    }
    if status == 0 { return (id, toChild[1], fromChild[0]) }
    close(toChild[1])
    close(fromChild[0])
    return nil
  }

  deinit {
    if end == nil { kill() }
    close(input)
    close(output)
  }

  enum Line: Equatable {
    case text(String)
    case ended
    case timedOut
  }

  /// The next line, or what came instead within `milliseconds`.
  func nextLine(milliseconds: Int32) -> Line {
    while true {
      if let newline = buffer.firstIndex(of: 10) {
        let line = String(decoding: buffer[..<newline], as: UTF8.self)
        buffer.removeSubrange(...newline)
        return .text(line)
      }
      var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let ready = poll(&descriptor, 1, milliseconds)
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return .timedOut }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = read(output, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        waitForEnd()
        return .ended
      }
      buffer += piece[..<count]
    }
  }

  /// Ends it as a power cut would, and waits until it is gone.
  func kill() {
    guard end == nil else { return }
    Glibc.kill(id, SIGKILL)
    waitForEnd()
  }

  private func waitForEnd() {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    end = signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
  }

  private static func environment() -> [String] {
    var list: [String] = []
    var next = environ
    while let pointer = next.pointee {
      list.append(String(cString: pointer))
      next += 1
    }
    return list
  }

  private static func withCStrings<R>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
  ) -> R {
    var copies = texts.map { strdup($0) }
    copies.append(nil)
    defer { copies.forEach { free($0) } }
    return body(copies)
  }
}
