import TierAPI

/// The C side of a ``SearchHost``: `chronik_search_source.read`.
final class SourceBox: Sendable {
  let host: any SearchHost
  let targets: [SearchTarget]

  init(host: any SearchHost, targets: [SearchTarget]) {
    self.host = host
    self.targets = targets
  }

  func read(
    _ index: Int, _ request: chronik_read_request, _ result: UnsafeMutablePointer<chronik_read_result>,
    _ message: UnsafeMutablePointer<chronik_message>
  ) -> chronik_status {
    result.pointee.extent_count = 0
    guard targets.indices.contains(index), result.pointee.capacity >= 1 else {
      return report(
        TierFailure(
          .permanent, origin: "search source", message: "there is no partition \(index), or no room for an extent"),
        message)
    }
    let readable = targets[index].readable
    guard readable.contains(request.offset) else { return CHRONIK_MISS }
    if host.isCancelled { return CHRONIK_CANCELLED }
    let answer = host.read(
      target: index, offset: request.offset, endOffset: min(request.end_offset, readable.upperBound),
      maxBytes: Int(clamping: request.max_bytes), minOneBatch: request.min_one_batch != 0)
    switch answer {
    case .failure(let failure): return report(failure, message)
    case .success(let read):
      do throws(TierFailure) {
        try fill(result, read)
        return CHRONIK_OK
      } catch {
        return report(error, message)
      }
    }
  }

  /// Hands the extents over, each with a reference of the receiver's own. When they are more than the receiver has room
  /// for, their bytes are copied into one.
  private func fill(
    _ result: UnsafeMutablePointer<chronik_read_result>, _ read: SearchRead
  ) throws(TierFailure) {
    var extents = read.extents
    if extents.count > Int(result.pointee.capacity) { extents = [try Extent.joined(extents)] }
    for (index, extent) in extents.enumerated() {
      var raw = extent.raw
      raw.owner = Unmanaged.passRetained(extent).toOpaque()
      raw.release = { Unmanaged<Extent>.fromOpaque($0!).release() }
      result.pointee.extents[index] = raw
    }
    result.pointee.extent_count = UInt32(extents.count)
    result.pointee.start_offset = read.startOffset
    result.pointee.next_offset = read.nextOffset
    result.pointee.byte_count = UInt64(extents.reduce(0) { $0 + $1.byteCount })
  }

  private func report(_ failure: TierFailure, _ message: UnsafeMutablePointer<chronik_message>) -> chronik_status {
    var text = "\(failure)"
    text.withUTF8 { utf8 in
      let count = min(utf8.count, message.pointee.capacity)
      UnsafeMutableRawPointer(message.pointee.text).copyMemory(from: utf8.baseAddress!, byteCount: count)
      message.pointee.length = count
    }
    return failure.code.rawValue
  }
}

let readFromSource: @convention(c) (
  UnsafeMutableRawPointer?, Int, UnsafePointer<chronik_read_request>, UnsafeMutablePointer<chronik_read_result>,
  UnsafeMutablePointer<chronik_message>
) -> chronik_status = { context, index, request, result, message in
  Unmanaged<SourceBox>.fromOpaque(context!)._withUnsafeGuaranteedRef {
    $0.read(index, request.pointee, result, message)
  }
}
