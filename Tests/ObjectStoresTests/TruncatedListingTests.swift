import Foundation
import Synchronization
import TierKit
import Testing

@testable import ObjectStores

/// Pages of a listing that are not the last and have no keys, as in buckets that keep versions of what was deleted.
@Suite struct TruncatedListingTests {
  /// A service that answers listings with these pages, by where they are asked for to begin: "" or "token=..." or
  /// "after=...", the last part of the key.
  private final class Pages: Sendable {
    private let pages: [String: String]
    private let isInOrder: Bool
    private let probes = Mutex<[String]>([])
    let isStarted = Atomic(false)

    init(_ pages: [String: String], isInOrder: Bool) {
      self.pages = pages
      self.isInOrder = isInOrder
    }

    func answer(_ request: HTTPRequest) -> Result<HTTPResponse, TransportFailure>? {
      guard let url = URLComponents(string: request.url) else { return nil }
      let query = url.queryItems ?? []
      func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
      if request.method == "PUT" {
        let key = String(url.path.dropFirst("/bucket/".count))
        probes.withLock { if !$0.contains(key) { $0.append(key) } }
      }
      guard request.method == "GET", value("list-type") != nil else { return nil }
      if !isStarted.load(ordering: .relaxed) {
        // The probe's two keys in the order of their puts are out of order.
        if isInOrder || value("prefix") == "a/prefix/" { return nil }
        return page(probes.withLock { $0 }.map(Self.contents).joined())
      }
      let place = value("continuation-token").map { "token=\($0)" }
        ?? value("start-after").map { "after=\($0.split(separator: "/").last ?? "")" } ?? ""
      return pages[place].map(page)
    }

    private func page(_ content: String) -> Result<HTTPResponse, TransportFailure> {
      .success(HTTPResponse(status: 200, body: Array("<ListBucketResult>\(content)</ListBucketResult>".utf8)))
    }

    static func contents(_ key: String) -> String { "<Contents><Key>\(key)</Key><Size>1</Size></Contents>" }
  }

  private static func more(_ token: String) -> String {
    "<IsTruncated>true</IsTruncated><NextContinuationToken>\(token)</NextContinuationToken>"
  }
  private static func key(_ name: String) -> String { Pages.contents("a/prefix/\(name)") }

  private func keys(_ answers: [String: String], isInOrder: Bool) throws -> [String] {
    let pages = Pages(answers, isInOrder: isInOrder)
    let store = try FakeService(.init(intercept: { pages.answer($0) })).store(TestHost())
    try store.start(StoreCall())
    defer { store.stop() }
    let scope = CallScope(StoreCall(), store.gate, TestHost().services)
    #expect(try store.ready(scope).ordersByKey == isInOrder)
    pages.isStarted.store(true, ordering: .relaxed)
    return try store.allKeys()
  }

  @Test func aListingGoesOnBehindPagesWithoutKeys() throws {
    let found = try keys(
      [
        "": Self.more("one"), "token=one": Self.more("two"), "token=two": Self.key("k1") + Self.more("three"),
        "after=k1": Self.more("four"), "token=four": Self.key("k2"),
      ], isInOrder: true)
    #expect(found == ["k1", "k2"])
  }

  @Test func aListingByDirectoriesGoesOnBehindPagesWithoutKeys() throws {
    let found = try keys(
      ["": Self.more("one"), "token=one": Self.key("k1") + Self.more("two"), "token=two": Self.key("k2")],
      isInOrder: false)
    #expect(found == ["k1", "k2"])
  }

  @Test(arguments: [true, false]) func aPageThatDoesNotSayWhereToGoOnIsNoEnd(isInOrder: Bool) throws {
    let truncated = "<IsTruncated>true</IsTruncated>"
    for token in ["", "<NextContinuationToken></NextContinuationToken>"] {
      let error = #expect(throws: TierError.self) { try keys(["": truncated + token], isInOrder: isInOrder) }
      #expect(error?.code == .retriable)
    }
    let error = #expect(throws: TierError.self) {
      try keys(["": Self.more("one"), "token=one": Self.more("one")], isInOrder: isInOrder)
    }
    #expect(error?.code == .retriable, "it would be asked for for ever")
  }

  @Test func aDirectoryWithKeysThatDoesNotSayWhereToGoOnIsNoEnd() throws {
    let error = #expect(throws: TierError.self) {
      try keys(["": Self.key("k1") + "<IsTruncated>true</IsTruncated>"], isInOrder: false)
    }
    #expect(error?.code == .retriable)
  }
}
