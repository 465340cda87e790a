import ArchiveFormat
import TierKit

/// An object of the store, read through the chunk cache. For one call: it carries that call's deadline.
package struct ObjectSource: RangeSource, Sendable {
  let object: IndexedObject
  let chunks: ChunkCache
  let call: StoreCall

  package func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] { try chunks.read(object, ranges, call) }
}

/// An object of the store, read past every cache: what is asked for is what the store has.
struct StoreSource: RangeSource, Sendable {
  let key: String
  let byteCount: Int
  let access: StoreAccess
  private let call: @Sendable () -> StoreCall

  /// For one call, whose deadline all reads share.
  init(key: String, byteCount: Int, access: StoreAccess, call: StoreCall) {
    self.init(key: key, byteCount: byteCount, access: access, eachRead: { call })
  }

  /// For work of thousands of reads, such as checking a whole object: each read has a deadline of its own.
  init(key: String, byteCount: Int, access: StoreAccess, eachRead call: @escaping @Sendable () -> StoreCall) {
    self.key = key
    self.byteCount = byteCount
    self.access = access
    self.call = call
  }

  func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    try access.read(key, ranges, objectByteCount: byteCount, call()).map { Array($0.bytes) }
  }
}

/// The end of an object in memory.
struct TailSource: RangeSource {
  let bytes: [UInt8]
  let objectByteCount: Int

  /// Ranges that lie before the tail are answered with nothing, which the reader takes for damage.
  func read(_ ranges: [Range<Int>]) -> [[UInt8]] {
    let start = objectByteCount - bytes.count
    return ranges.map { range in
      range.lowerBound < start ? [] : [UInt8](bytes[range.lowerBound - start..<range.upperBound - start])
    }
  }
}

extension TierError {
  /// What reading an object threw: the store's error as it is, the format's as damage of that object.
  init(reading key: String, _ error: any Error) {
    switch error {
    case let error as TierError: self = error
    case let error as ArchiveError: self.init(.corrupt, "\(key): \(error)")
    default: self.init(.permanent, "\(key): \(error)")
    }
  }
}

/// Runs `body` with the errors of reading `key` as the host knows them.
func reading<R>(_ key: String, _ body: () throws -> R) throws(TierError) -> R {
  do { return try body() } catch { throw TierError(reading: key, error) }
}
