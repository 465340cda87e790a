#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif
import TierAPI

/// Reads what a searching tier does not hold; see `chronik_search_source`. May be called by several threads.
public protocol SearchSource: Sendable {
  /// Whole batches of the scope with this number from the one that contains the offset on; nil: the log does not have
  /// the offset. Blocks.
  func read(_ scope: Int, _ request: ReadRequest) throws(TierError) -> SourceAnswer?
}

/// Batches that a source lent. Gives the extents back, once each, when the last reference goes.
public final class SourceAnswer: @unchecked Sendable {
  // Sendable because nothing changes after init and extents may be read and released from any thread.

  /// Base offset of the first batch, and the offset behind the last one.
  public let startOffset: Int64
  public let nextOffset: Int64
  public let byteCount: Int
  private let extents: [chronik_extent]

  /// Takes over the references of `extents`.
  public init(startOffset: Int64, nextOffset: Int64, extents: [chronik_extent]) {
    self.startOffset = startOffset
    self.nextOffset = nextOffset
    self.extents = extents
    byteCount = extents.reduce(0) { $0 + $1.len }
  }

  deinit { for extent in extents { extent.release?(extent.owner) } }

  public var isEmpty: Bool { byteCount == 0 }

  /// A copy of the bytes in `range`, which lies within the answer. Throws `retriable` when a file cannot be read and
  /// `corrupt` when it ends early.
  public func bytes(_ range: Range<Int>) throws(TierError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    var failure: TierError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      do throws(TierError) {
        try copy(range, to: UnsafeMutableRawBufferPointer(buffer))
        count = range.count
      } catch {
        failure = error
        count = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private func copy(_ range: Range<Int>, to target: UnsafeMutableRawBufferPointer) throws(TierError) {
    var start = 0
    for extent in extents {
      let part = (start..<start + extent.len).clamped(to: range)
      if !part.isEmpty {
        let piece = UnsafeMutableRawBufferPointer(
          rebasing: target[part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound])
        try Self.copy(extent, from: part.lowerBound - start, to: piece)
      }
      start += extent.len
    }
  }

  private static func copy(
    _ extent: chronik_extent, from position: Int, to target: UnsafeMutableRawBufferPointer
  ) throws(TierError) {
    if extent.kind == CHRONIK_EXTENT_MEMORY {
      guard let start = extent.ptr else { throw TierError(.permanent, "the source lent an extent without memory") }
      target.copyMemory(from: UnsafeRawBufferPointer(start: start + position, count: target.count))
      return
    }
    guard extent.kind == CHRONIK_EXTENT_FILE else {
      throw TierError(.permanent, "the source lent an extent of unknown kind \(extent.kind)")
    }
    var done = 0
    while done < target.count {
      let offset = off_t(extent.file_offset) + off_t(position + done)
      let count = pread(extent.fd, target.baseAddress! + done, target.count - done, offset)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw TierError(.retriable, "a lent file cannot be read: errno \(errno)") }
      guard count > 0 else { throw TierError(.corrupt, "a lent file ends before the extent does") }
      done += count
    }
  }
}
