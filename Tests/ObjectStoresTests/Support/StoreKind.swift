import Foundation
import Testing
@testable import ObjectStores
import TierAPI
import TierKit

/// The stores that the contract suite is run against.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case memory
  /// The same behind the C vtable and the host's extension.
  case memoryAcrossTheBorder
  case file
  /// The store s3 before a service that lives in a dictionary.
  case s3OnFake
  /// The store s3 before a real server; see SeaweedServer.
  case s3OnSeaweed

  static var available: [StoreKind] { allCases.filter { $0 != .s3OnSeaweed || SeaweedServer.isWanted } }
  var testDescription: String { rawValue }

  /// A store of this kind, started and empty.
  func make() throws -> OpenStore {
    let host = TestHost(seed: UInt64.random(in: 0 ... .max))
    switch self {
    case .memory: return OpenStore(MemoryStore(), host)
    case .memoryAcrossTheBorder: return OpenStore(try Border.cross(), host)
    case .file:
      let scratch = ScratchDirectory()
      let store = try FileStore(host: host.services, options: Self.fileOptions(scratch.path + "/made/here"))
      return try OpenStore(store, host, scratch).started()
    case .s3OnFake: return try OpenStore(FakeService().store(host), host).started()
    case .s3OnSeaweed: return try OpenStore(SeaweedServer.running().store(host), host).started()
    }
  }

  static func fileOptions(_ path: String) -> StoreOptions {
    StoreOptions(instanceName: "archive.store", dataDirectory: path, settings: [:])
  }
}

/// A store with what has to live as long as it does.
final class OpenStore: Sendable {
  let store: any ObjectStore
  let host: TestHost
  private let scratch: ScratchDirectory?

  init(_ store: any ObjectStore, _ host: TestHost, _ scratch: ScratchDirectory? = nil) {
    self.store = store
    self.host = host
    self.scratch = scratch
  }

  func started() throws -> OpenStore {
    try store.start(StoreCall())
    return self
  }

  deinit { store.stop() }
}
