import Foundation
import Testing
import TierAPI

@Suite struct LayoutTests {
  @Test(arguments: FrozenStruct.all) func structsLieInMemoryAsABI10Froze(frozen: FrozenStruct) {
    #expect(frozen.actual.size == frozen.size && frozen.actual.stride == frozen.size, "\(frozen.name)")
    #expect(frozen.actual.alignment == frozen.alignment, "\(frozen.name)")
    for member in frozen.members { #expect(member.actual == member.frozen, "\(frozen.name) \(member.name)") }
  }

  @Test func constantsHaveTheValuesOfABI10() {
    for constant in frozenConstants + frozenCompactionConstants {
      #expect(constant.actual == constant.frozen, "\(constant.name)")
    }
    for text in frozenTexts { #expect(text.actual == text.frozen, "\(text.name)") }
  }

  @Test func theMagicNumberReadsAsTheProductsName() {
    let bytes = withUnsafeBytes(of: CHRONIK_PLUGIN_MAGIC.littleEndian) { Array($0) }
    #expect(bytes == Array("CHRONIK\0".utf8))
  }

  @Test(
    arguments: ["gcc", "clang"].flatMap { compiler in ["c11", "c17"].map { [compiler, "-x", "c", "-std=\($0)"] } }
      + ["g++", "clang++"].map { [$0, "-x", "c++", "-std=c++17"] })
  func compilersAgreeOnTheLayoutWithoutAWarning(command: [String]) throws {
    guard let compiler = executable(named: command[0]) else {
      print("\(command[0]) is not installed; its check is left out")
      return
    }
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let include = here.appendingPathComponent("../../Sources/TierAPI/include").standardizedFileURL.path
    let process = Process()
    let output = Pipe()
    process.executableURL = compiler
    process.arguments =
      command.dropFirst() + [
        "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-I", include,
        here.appendingPathComponent("Fixtures/layout.c").path,
        here.appendingPathComponent("Fixtures/layout_extensions.c").path,
      ]
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(command.joined(separator: " ")):\n\(text)")
  }

  private func executable(named name: String) -> URL? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
    return path.split(separator: ":").map { URL(fileURLWithPath: "\($0)/\(name)") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}
