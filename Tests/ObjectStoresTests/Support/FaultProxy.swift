import Foundation

/// The proxy of fault_proxy.py before a server. One for each test that needs it.
final class FaultProxy: Sendable {
  let port: Int
  private let process: pid_t
  private let commands: FileHandle
  private let answers: FileHandle

  /// `certificate`: a PEM file with a certificate and its key; the proxy then speaks TLS.
  init(before server: SeaweedServer, certificate: String? = nil) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../fault_proxy.py").standardizedFileURL.path
    let process = Process()
    let input = Pipe()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script, "\(server.port)"] + (certificate.map { [$0] } ?? [])
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    self.process = process.processIdentifier
    commands = input.fileHandleForWriting
    answers = output.fileHandleForReading
    guard let port = Int(Self.line(answers)) else {
      throw SeaweedServer.Failure(
        description: "the fault proxy did not start; its reason is on the standard error output")
    }
    self.port = port
  }

  deinit { kill(process, SIGKILL) }

  /// Replaces what is to go wrong from now on; see fault_proxy.py.
  func plan(_ faults: [[String: Any]], delayMilliseconds: Int = 0) throws {
    let data = try JSONSerialization.data(withJSONObject: ["faults": faults, "delay_ms": delayMilliseconds])
    try commands.write(contentsOf: data + Data("\n".utf8))
    precondition(Self.line(answers) == "ok", "the fault proxy ended")
  }

  private static func line(_ handle: FileHandle) -> String {
    var text = ""
    while let byte = handle.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") {
      text.append(Character(UnicodeScalar(byte)))
    }
    return text
  }
}
