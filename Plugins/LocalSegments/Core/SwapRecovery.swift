import KafkaRecords
import SegmentFormat
import TierKit

/// Finishes or takes back an exchange of segments that a crash interrupted (`PartitionLog+Replace.swift`), before
/// recovery looks at the segments. Data directories of Kafka's, which uses the same names, are understood as well.
///
///  1. `.cleaned` files had not been decided about: they go.
///  2. A `.log.swap` is complete and counts: the segments that it stands for go with their indexes, and it becomes the
///     `.log`. Its indexes are computed again by the recovery that follows.
///
/// Every step can be repeated.
struct SwapRecovery {
  let directory: String
  let context: TierContext

  private var fileSystem: any FileSystem { context.fileSystem }

  /// Throws `.corrupt` when a `.log.swap` is not whole; nothing was changed then.
  func run() throws(TierError) {
    let names = try naming("list", directory) { () throws(Errno) in try fileSystem.list(directory) }
      .filter { !$0.isDirectory && PartitionFiles.isNumbered($0.name) }.map(\.name)
    var swaps: [Int64] = []
    for name in names {
      if name.hasSuffix(SegmentRewrite.cleanedSuffix) { try remove(name) }
      guard name.hasSuffix(SegmentRewrite.swapSuffix),
        let (base, kind) = SegmentFileName.parse(String(name.dropLast(SegmentRewrite.swapSuffix.count)))
      else { continue }
      if kind == .log { swaps.append(base) } else { try remove(name) }
    }
    for base in swaps.sorted() { try finish(base, names) }
  }

  private func finish(_ base: Int64, _ names: [String]) throws(TierError) {
    let log = SegmentFileName.format(base, .log)
    let swap = log + SegmentRewrite.swapSuffix
    let end = try endOffset(of: swap, base)
    for name in names {
      guard let (other, kind) = SegmentFileName.parse(name), other >= base, other < end else { continue }
      if other > base || kind != .log { try remove(name) }
    }
    try naming("rename", "\(directory)/\(swap)") { () throws(Errno) in
      try fileSystem.syncDirectory(directory)
      try fileSystem.rename("\(directory)/\(swap)", to: "\(directory)/\(log)")
      try fileSystem.syncDirectory(directory)
    }
    context.host.log(
      .info, "An exchange of segments that was interrupted is finished.",
      [("file", "\(directory)/\(log)"), ("end_offset", String(end))])
  }

  /// The offset behind the last batch, every one of which must be good: the file was synced before it got its name.
  private func endOffset(of name: String, _ base: Int64) throws(TierError) -> Int64 {
    let path = "\(directory)/\(name)"
    let (end, damage) = try naming("read", path) { () throws(Errno) -> (Int64, String?) in
      let file = try OpenFile(path, .existing, fileSystem)
      let buffer = context.buffers.take()
      defer { context.buffers.put(buffer) }
      var scanner = LogScanner(
        RecoverySource(file: file), to: try fileSystem.byteCount(file.descriptor), expectedOffset: base,
        borrowing: buffer.bytes)
      var end = base
      while true {
        switch try scanner.next() {
        case .batch(let header, _): end = header.nextOffset
        case .end: return (end, end == base ? "it is empty" : nil)
        case .damage(let damage, let position): return (end, "byte \(position): \(damage)")
        }
      }
    }
    if let damage {
      throw TierError(
        .corrupt, "\(path): \(damage); nothing was changed: restore the file, or remove it if the segments from "
          + "\(base) on are complete")
    }
    return end
  }

  private func remove(_ name: String) throws(TierError) {
    let path = "\(directory)/\(name)"
    do throws(Errno) { try fileSystem.remove(path) } catch {
      if error != .notFound { throw TierError(error, "remove", path) }
    }
  }
}
