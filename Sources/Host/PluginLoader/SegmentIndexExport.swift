import TierAPI

/// What the HTTP port uses of "chronik.archive/1": the segment index of one tier instance as JSON. Any thread.
public struct SegmentIndexExport: @unchecked Sendable {
  public let tier: TierHandle
  private let export: @convention(c) (
    UnsafeMutableRawPointer, chronik_bytes, @convention(c) (UnsafeMutableRawPointer?, chronik_bytes) -> Void,
    UnsafeMutableRawPointer?, UnsafeMutablePointer<chronik_message>
  ) -> chronik_status

  /// Nil when the tier keeps no archive, or one of a version without the export.
  public init?(_ tier: TierHandle) {
    guard let raw = tier.extension(CHRONIK_EXTENSION_ARCHIVE) else { return nil }
    let table = raw.assumingMemoryBound(to: chronik_archive.self)
    let offset = MemoryLayout<chronik_archive>.offset(of: \.export_json)!
    guard Int(table.pointee.struct_size) >= offset + MemoryLayout<UInt>.size,
      raw.load(fromByteOffset: offset, as: UInt.self) != 0
    else { return nil }
    self.tier = tier
    export = table.pointee.export_json
  }

  private final class Writer {
    let write: (UnsafeRawBufferPointer) -> Void
    init(_ write: @escaping (UnsafeRawBufferPointer) -> Void) { self.write = write }
  }

  /// Writes the segment index as JSON, piece by piece, on this thread. Blocks. An empty topic means all.
  public func exportJSON(topic: String, write: (UnsafeRawBufferPointer) -> Void) throws(TierFailure) {
    var topic = topic
    let (status, message) = withoutActuallyEscaping(write) { write in
      let writer = Writer(write)
      return topic.withUTF8 { topic in
        withMessageText { message in
          export(
            tier.me, chronik_bytes(ptr: topic.baseAddress, len: topic.count),
            { context, piece in
              guard let start = piece.ptr, piece.len > 0 else { return }
              Unmanaged<Writer>.fromOpaque(context!)._withUnsafeGuaranteedRef {
                $0.write(UnsafeRawBufferPointer(start: start, count: piece.len))
              }
            }, Unmanaged.passUnretained(writer).toOpaque(), message)
        }
      }
    }
    guard status == CHRONIK_OK else {
      throw TierFailure(
        TierFailure.Code(rawValue: status) ?? .permanent, origin: "\(tier.name).export_json", message: message)
    }
  }
}
