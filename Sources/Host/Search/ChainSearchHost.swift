import PluginLoader

/// What the searching tier may ask while it searches: bytes that it does not hold, from the whole chain, and whether
/// somebody still waits.
final class ChainSearchHost: SearchHost {
  private let logs: [PartitionLog]
  private let cancellations: [SearchCancellation]

  /// `logs` in the order of the targets; entered by the caller for as long as this is used.
  init(logs: [PartitionLog], cancellations: [SearchCancellation]) {
    self.logs = logs
    self.cancellations = cancellations
  }

  var isCancelled: Bool { cancellations.contains { $0.isCancelled } }

  func read(
    target: Int, offset: Int64, endOffset: Int64, maxBytes: Int, minOneBatch: Bool
  ) -> Result<SearchRead, TierFailure> {
    switch logs[target].chain.read(
      offset: offset, endOffset: endOffset, maxBytes: maxBytes, minOneBatch: minOneBatch, nonblocking: false)
    {
    case .failed(let failure): return .failure(failure)
    case .wouldBlock:
      return .failure(TierFailure(.permanent, origin: "chain.read", message: "a read that may block did not"))
    case .batches(let extents, let nextOffset, _):
      guard let first = extents.first else {
        return .success(SearchRead(extents: [], startOffset: offset, nextOffset: offset))
      }
      return Result { () throws(TierFailure) in
        SearchRead(extents: extents, startOffset: try Self.baseOffset(first), nextOffset: nextOffset)
      }
    }
  }

  /// The first eight bytes of a batch are its base offset (`RecordBatch.swift`).
  private static func baseOffset(_ extent: Extent) throws(TierFailure) -> Int64 {
    guard extent.byteCount >= 8 else {
      throw TierFailure(.corrupt, origin: "chain.read", message: "an extent of \(extent.byteCount) bytes is no batch")
    }
    var bytes: UInt64 = 0
    var failure: TierFailure?
    withUnsafeMutableBytes(of: &bytes) { buffer in
      do throws(TierFailure) { try extent.copyBytes(into: buffer) } catch { failure = error }
    }
    if let failure { throw failure }
    return Int64(bitPattern: UInt64(bigEndian: bytes))
  }
}
