import TierAPI

/// An object store, as `object_store.h` describes it: what a store's author writes in Swift, and what a tier that keeps
/// its data in one is given. The contract of each call is stated there; all may block and run beside each other.
public protocol ObjectStore: AnyObject, Sendable {
  func start(_ call: StoreCall) throws(TierError)
  func stop()
  /// False when `ifAbsent` and an object was there already; it was left as it is.
  @discardableResult
  func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool
  /// Fills in what `object_store.h` says the store fills in, `status` of every read included. Throws the first failure
  /// after all reads have ended.
  func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError)
  /// Nil: no such object.
  func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo?
  /// In ascending order of the keys' bytes.
  func list(prefix: String, startAfter: String, limit: Int, _ call: StoreCall) throws(TierError) -> ObjectListing
  func remove(_ keys: [String], _ call: StoreCall) throws(TierError)
}

/// What bounds one call of a store.
public struct StoreCall: Sendable {
  /// On the host's monotonic clock, nanoseconds; `Int64.max`: the store's own default.
  public var deadline: Int64
  /// Asked at least every second.
  public var isCancelled: @Sendable () -> Bool

  public init(deadline: Int64 = .max, isCancelled: @escaping @Sendable () -> Bool = { false }) {
    self.deadline = deadline
    self.isCancelled = isCancelled
  }
}

public struct ObjectInfo: Sendable, Equatable {
  public var key: String
  public var byteCount: Int
  /// Milliseconds since 1970 by the store's clock; -1: unknown.
  public var modified: Int64
  /// Opaque, at most 64 bytes; empty: the store has none.
  public var etag: [UInt8]

  public init(key: String, byteCount: Int, modified: Int64 = -1, etag: [UInt8] = []) {
    self.key = key
    self.byteCount = byteCount
    self.modified = modified
    self.etag = etag
  }
}

public struct ObjectListing: Sendable, Equatable {
  public var objects: [ObjectInfo]
  /// Others follow behind the last one.
  public var hasMore: Bool

  public init(objects: [ObjectInfo], hasMore: Bool) {
    self.objects = objects
    self.hasMore = hasMore
  }
}
