import Foundation
import Synchronization
import TierAPI
import TierKit

/// What became of one read.
struct RangeRead: Equatable {
  var bytes: [UInt8]
  var objectByteCount: UInt64
  var status: chronik_status
}

extension ObjectStore {
  /// A put of one part.
  @discardableResult
  func put(_ key: String, _ bytes: [UInt8], ifAbsent: Bool = false, _ call: StoreCall = StoreCall()) throws -> Bool {
    try bytes.withUnsafeBytes { try put(key, [$0], ifAbsent: ifAbsent, call) }
  }

  /// Reads ranges in one call; the outcome of each, and what the call threw.
  func readRanges(
    _ ranges: [(String, UInt64, Int)], _ call: StoreCall = StoreCall()
  ) -> ([RangeRead], TierError?) {
    let keys = ranges.map { Array($0.0.utf8) }
    let keyMemory = keys.map { key in
      let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, key.count))
      _ = copy.update(fromContentsOf: key)
      return (copy, key.count)
    }
    let buffers = ranges.map { UnsafeMutableBufferPointer<UInt8>.allocate(capacity: $0.2) }
    defer {
      for memory in keyMemory { memory.0.deallocate() }
      for buffer in buffers { buffer.deallocate() }
    }
    var reads = ranges.indices.map { index in
      chronik_store_read(
        key: chronik_bytes(ptr: keyMemory[index].0.baseAddress, len: keyMemory[index].1), offset: ranges[index].1,
        length: ranges[index].2, buffer: buffers[index].baseAddress!, received: 0, object_byte_count: 0, status: -99,
        reserved: 0, reserved2: (0, 0))
    }
    var failure: TierError?
    reads.withUnsafeMutableBufferPointer { list in
      do throws(TierError) { try read(list, call) } catch { failure = error }
    }
    let results = reads.enumerated().map { index, read in
      RangeRead(
        bytes: Array(buffers[index].prefix(read.received)), objectByteCount: read.object_byte_count,
        status: read.status)
    }
    return (results, failure)
  }

  func get(
    _ key: String, _ offset: UInt64 = 0, _ length: Int = 1 << 20, _ call: StoreCall = StoreCall()
  ) throws -> [UInt8] {
    let (reads, failure) = readRanges([(key, offset, length)], call)
    if let failure { throw failure }
    return reads[0].bytes
  }

  /// Every key with a prefix, asked for in pages.
  func allKeys(_ prefix: String = "", page: Int = 1000) throws -> [String] {
    var keys: [String] = []
    while true {
      let listing = try list(prefix: prefix, startAfter: keys.last ?? "", limit: page, StoreCall())
      keys += listing.objects.map(\.key)
      if !listing.hasMore { return keys }
    }
  }
}

/// The code that `body` fails with, or nil.
func failureCode(_ body: () throws -> Void) -> TierError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? TierError)?.code
  }
}

func failure(_ body: () throws -> Void) -> TierError? {
  do {
    try body()
    return nil
  } catch {
    return error as? TierError
  }
}

/// Runs `body` for every index on a thread of its own and returns the results in order.
func onThreads<R: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> R) -> [R] {
  let results = Mutex<[Int: R]>([:])
  let done = DispatchGroup()
  for index in 0..<count {
    done.enter()
    Thread.detachNewThread {
      let result = body(index)
      results.withLock { $0[index] = result }
      done.leave()
    }
  }
  done.wait()
  return results.withLock { found in (0..<count).map { found[$0]! } }
}

/// Bytes that differ from each other, the same for the same seed.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

/// Keys of seven directories, not in order.
func tenThousandKeys() -> [String] {
  (0..<10_000).map { (number: Int) -> String in
    let digits = String(String(number + 1_000_000).dropFirst())
    return "t/\(number % 7)/\(digits)-x.kar"
  }
}

/// A directory that is removed with the object.
final class ScratchDirectory: Sendable {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "chronik-stores-\(UUID().uuidString)"
    mkdir(path, 0o755)
  }
  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("\(path) stays: \(error)") }
  }
}
