import Foundation
import Synchronization
import TierContract

/// Builds C tiers and runs the contract command on libraries.
enum Workshop {
  /// Where the package's products are: beside the test program.
  static let products: URL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent()
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../..").standardizedFileURL

  /// A directory of this test run; the system's temporary directory is cleaned by the system.
  static let directory: URL = {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("contract-tests-\(getpid())")
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch { fatalError("\(error)") }
    return url
  }()

  struct BuildFailure: Error, CustomStringConvertible { var description: String }

  /// Compiles a C tier with the flags that the examples' README gives, and returns the library's path.
  static func build(_ source: String, name: String, flags: [String] = []) throws -> String {
    let output = directory.appendingPathComponent("lib\(name)-\(UUID().uuidString).so").path
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"] + flags
      + ["-I", package.appendingPathComponent("Sources/TierAPI/include").path]
      + ["-I", package.appendingPathComponent("Examples/c-tier").path]
      + [package.appendingPathComponent(source).path, "-o", output, "-lpthread"]
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BuildFailure(description: text) }
    return output
  }

  static func broken(_ flags: [String]) throws -> String {
    try build("Tests/TierContractTests/Fixtures/broken_tier.c", name: "Broken", flags: flags.map { "-DBREAK_\($0)" })
  }

  static func check(
    _ library: String, rules: [String]? = nil, seed: UInt64 = 7, deadline: Int32 = 300_000,
    settings: [(String, String)] = []
  ) -> ContractReport {
    var options = ContractOptions(libraryPath: library, seed: seed)
    options.rules = rules
    options.deadlineMilliseconds = deadline
    options.settings = settings
    let program = products.appendingPathComponent("TierCheck").path
    return ContractCommand.check(options, respawn: Respawn(executable: program, prefix: []))
  }
}
