import Foundation
import Testing
import TierKit

@testable import ObjectStores

/// A service that asks for less: the store slows down, says `throttled` when that is not enough, and goes on
/// afterwards.
extension FaultTests {
  enum Operation: String, CaseIterable, Sendable {
    case put, putInParts, read, head, list, remove, removeMany

    /// What the proxy looks for.
    var match: String {
      switch self {
      case .put: "^PUT"
      case .putInParts: "^(PUT|POST) .*(uploads|uploadId)"
      case .read: "^GET .*/o "
      case .head: "^HEAD"
      case .list: "^GET .*list-type"
      case .remove: "^DELETE"
      case .removeMany: "^(POST .*delete|DELETE)"
      }
    }

    /// Does it once; what is there already stays.
    func run(_ rig: Rig) throws {
      switch self {
      case .put: try rig.store.put("x", rig.object)
      case .putInParts: try rig.store.put("big", pattern(11 << 20))
      case .read: #expect(try rig.store.get("o", 7, 1_000) == Array(rig.object[7..<1_007]))
      case .head: #expect(try rig.store.head("o", StoreCall())?.byteCount == rig.object.count)
      case .list: #expect(try rig.store.allKeys().contains("o"))
      case .remove: try rig.store.remove(["gone"], StoreCall())
      case .removeMany: try rig.store.remove(["gone", "gone2", "gone3"], StoreCall())
      }
    }
  }

  private static let parts = ["multipart_threshold": "\(6 << 20)", "part_size": "\(5 << 20)"]

  @Test(arguments: Operation.allCases, [503, 429]) func everyOperationGoesOnAfterItWasSlowedDown(
    operation: Operation, status: Int
  ) throws {
    let rig = try Rig(Self.parts)
    defer { rig.store.stop() }
    let code = status == 503 ? "SlowDown" : "TooManyRequests"
    try rig.proxy.plan([["match": operation.match, "kind": "status", "status": status, "code": code, "times": 3]])
    try operation.run(rig)
    #expect(rig.counted("store_throttled") == 3 && rig.counted("store_retries") == 3)
  }

  @Test(arguments: Operation.allCases) func everyOperationIsThrottledWhenItGoesOnForTooLong(operation: Operation) throws
  {
    let rig = try Rig(Self.parts.merging(["retries": "2"]) { $1 })
    defer { rig.store.stop() }
    try rig.proxy.plan([
      ["match": operation.match, "kind": "status", "status": 503, "code": "SlowDown", "times": 10_000]
    ])
    #expect(failureCode { try operation.run(rig) } == .throttled)
    // Neither what is there nor the store is worse for it.
    try rig.proxy.plan([])
    #expect(try rig.store.get("o") == rig.object)
    try operation.run(rig)
  }

  /// Whatever fails, and however often: the call ends with its deadline.
  @Test(arguments: [
    ["kind": "status", "status": "503"], ["kind": "status", "status": "500"], ["kind": "reset", "when": "before"],
    ["kind": "silent"], ["kind": "cut"],
  ]) func noFaultHoldsACallBeyondItsDeadline(fault: [String: String]) throws {
    let rig = try Rig(["retries": "100", "request_timeout": "700"])
    defer { rig.store.stop() }
    var plan: [String: Any] = ["match": ".", "times": 100_000]
    for (key, value) in fault { plan[key] = Int(value) ?? value }
    try rig.proxy.plan([plan])
    for operation in [Operation.read, .list, .head] {
      let took = quickest(below: 2_500_000_000) {
        let call = rig.deadline(milliseconds: 1_500)
        let code = failureCode {
          switch operation {
          case .read: _ = try rig.store.get("o", 0, 1_000, call)
          case .list: _ = try rig.store.list(prefix: "", startAfter: "", limit: 10, call)
          default: _ = try rig.store.head("o", call)
          }
        }
        // An answer cut off has no body to be cut where there is none.
        if fault["kind"] == "cut", operation == .head { return }
        #expect(code == .retriable || code == .throttled, "\(operation)")
      }
      #expect(took < 2_500_000_000, "\(operation) took \(took) ns")
    }
  }

  @Test func aServiceThatTakesTheConnectionAndIsSilentIsGivenUpInTheConfiguredTime() throws {
    let (descriptor, port) = try #require(LocalPort.listener())
    defer { close(descriptor) }
    let host = TestHost(seed: 3)
    // Three times 250 ms and pauses of at most 50 and 100 ms.
    let took = try quickest(below: 2_000_000_000) {
      let store = try SeaweedServer.running().store(host, ["request_timeout": "250", "retries": "2"], port: port)
      defer { store.stop() }
      #expect(failureCode { try store.start(StoreCall()) } == .retriable)
    }
    #expect((750_000_000..<2_000_000_000).contains(took), "\(took) ns")
  }
}
