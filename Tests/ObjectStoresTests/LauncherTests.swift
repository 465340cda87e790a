import Foundation
import Testing

/// The launcher of the real server: what goes wrong is noticed at once and explained.
@Suite struct LauncherTests {
  @Test func aServerThatEndsAtOnceIsNoticedAndItsLastWordsAreShown() throws {
    let scratch = ScratchDirectory()
    let program = scratch.path + "/weed"
    try Data("#!/bin/sh\necho no disk for \"$1\" >&2\nexit 3\n".utf8).write(to: URL(fileURLWithPath: program))
    chmod(program, 0o755)
    let before = TestHost.read(CLOCK_MONOTONIC)
    let error = #expect(throws: SeaweedServer.Failure.self) {
      try SeaweedServer.start(program, bases: SeaweedServer.bases())
    }
    #expect(TestHost.read(CLOCK_MONOTONIC) - before < 30_000_000_000)
    let text = error?.description ?? ""
    #expect(text.contains("status 3") && text.contains("no disk for server"), "\(text)")
  }

  @Test func aProgramThatIsNotThereIsNamed() {
    let error = #expect(throws: SeaweedServer.Failure.self) {
      try SeaweedServer.start("/nowhere/weed", bases: SeaweedServer.bases())
    }
    #expect(error?.description.contains("/nowhere/weed") == true)
  }

  @Test(.enabled(if: SeaweedServer.isWanted), arguments: [true, false])
  func aPortThatSomebodyHasIsPassedOver(looksFirst: Bool) throws {
    // The port of S3 itself, taken by somebody who never answers.
    var taken: (descriptor: Int32, base: Int)?
    for base in SeaweedServer.bases() where taken == nil {
      // Nobody has another one of its ports, which would be named in its place.
      guard (base..<base + 4).allSatisfy({ LocalPort.isFree($0) && LocalPort.isFree($0 + 10_000) }) else { continue }
      taken = LocalPort.listener(base + 3).map { ($0.descriptor, base) }
    }
    let (descriptor, base) = try #require(taken)
    defer { close(descriptor) }
    let server = try SeaweedServer.start(
      #require(SeaweedServer.program), bases: [base] + SeaweedServer.bases(), looksFirst: looksFirst)
    defer { server.stop() }
    #expect(server.port != base + 3)
    #expect(server.setbacks.first?.contains("\(base + 3)") == true, "\(server.setbacks)")
    print("passed over: \(server.setbacks.map { $0.prefix(300) })")
  }
}
