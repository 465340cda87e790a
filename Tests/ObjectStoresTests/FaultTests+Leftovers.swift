import Foundation
import Testing
import TierKit

@testable import ObjectStores

/// Uploads in parts that nobody completes.
extension FaultTests {
  private func uploads(_ store: S3Store) throws -> [String] {
    let scope = CallScope(StoreCall(), store.gate, TestHost().services)
    let answer = try store.client().send(
      S3Request(method: "GET", query: [("uploads", ""), ("prefix", store.configuration.prefix)]), scope)
    return try #require(XMLElement.parse(answer.body)).all("Upload").compactMap { $0.text("Key") }
  }

  private func begin(_ store: S3Store, _ key: String) throws {
    let scope = CallScope(StoreCall(), store.gate, TestHost().services)
    _ = try store.client().send(S3Request(method: "POST", key: store.fullKey(key), query: [("uploads", "")]), scope)
  }

  /// The service's clock, as its answers show it.
  private func plan(_ proxy: FaultProxy, daysLater: Int) throws {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let date = format.string(from: Date(timeIntervalSinceNow: Double(daysLater) * 86_400))
    try proxy.plan([["match": "GET .*uploads", "kind": "header", "name": "Date", "value": date, "times": 1_000]])
  }

  @Test func onlyUploadsOfThisPrefixThatAreOlderThanADayAreAborted() throws {
    let server = try SeaweedServer.running()
    let proxy = try FaultProxy(before: server)
    let run = "run/\(UUID().uuidString)"
    func store(_ prefix: String, _ host: TestHost = TestHost()) throws -> S3Store {
      try server.store(host, ["prefix": run + prefix], port: proxy.port)
    }
    let ours = try store("/ours")
    let theirs = try store("/ours-not")
    defer {
      ours.stop()
      theirs.stop()
    }
    for (store, keys) in [(ours, ["t/a.kar", "t/b.kar"]), (theirs, ["t/c.kar"])] {
      try store.start(StoreCall())
      for key in keys { try begin(store, key) }
    }
    // The machine's clock does not decide: two days ahead of the service, nothing is old.
    let ahead = TestHost()
    ahead.wallClockOffset.store(2 * 86_400_000, ordering: .relaxed)
    let young = try store("/ours", ahead)
    defer { young.stop() }
    try young.start(StoreCall())
    #expect(try uploads(young).count == 2)
    try plan(proxy, daysLater: 2)
    let host = TestHost()
    let later = try store("/ours", host)
    defer { later.stop() }
    try later.start(StoreCall())
    #expect(try uploads(later) == [])
    #expect(host.log.contains { $0.contains("aborted uploads") && $0.contains("count=2") }, "\(host.log)")
    #expect(try uploads(theirs) == [run + "/ours-not/t/c.kar"])
  }
}
