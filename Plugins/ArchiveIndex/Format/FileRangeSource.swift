#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// An object in a local file. May be used by several threads.
public final class FileRangeSource: RangeSource, Sendable {
  private let descriptor: Int32
  public let byteCount: Int

  /// What the operating system answered: an errno.
  public struct Failure: Error, Equatable {
    public let code: Int32
  }

  /// Opens the file for reading. Throws `Failure`.
  public init(path: String) throws(Failure) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(code: errno) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else {
      let code = errno
      close(descriptor)
      throw Failure(code: code)
    }
    byteCount = Int(end)
  }

  deinit { close(descriptor) }

  public func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    try ranges.map { range in
      var failure: Failure?
      let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
        count = 0
        while count < range.count {
          let size = pread(
            descriptor, buffer.baseAddress! + count, range.count - count, off_t(range.lowerBound + count))
          if size < 0, errno == EINTR { continue }
          if size < 0 { failure = Failure(code: errno) }
          if size <= 0 { return }
          count += size
        }
      }
      if let failure { throw failure }
      return bytes
    }
  }
}

/// Counts what is asked of another source: rounds of reads, ranges, bytes. For tests and measurements.
public final class CountingRangeSource<Base: RangeSource>: RangeSource {
  public let base: Base
  public private(set) var roundCount = 0
  public private(set) var rangeCount = 0
  public private(set) var byteCount = 0

  public init(_ base: Base) { self.base = base }

  public func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    roundCount += 1
    rangeCount += ranges.count
    byteCount += ranges.reduce(0) { $0 + $1.count }
    return try base.read(ranges)
  }

  public func reset() {
    roundCount = 0
    rangeCount = 0
    byteCount = 0
  }
}
