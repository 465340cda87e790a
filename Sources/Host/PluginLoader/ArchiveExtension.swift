import TierAPI

/// The ability `chronik.archive/1` of a running tier: looking after its objects and its index of them. Every call may
/// block for long. Any thread.
public struct ArchiveExtension: @unchecked Sendable {
  public struct Summary: Sendable, Equatable {
    public var partitions: UInt64
    public var objects: UInt64
    public var objectBytes: UInt64
    public var recordBytes: UInt64
    public var findings: UInt64
    public var repaired: UInt64
    public var pendingDeletions: UInt64
  }

  public struct Finding: Sendable, Equatable {
    /// "object-without-entry"; a number for a kind of a later ABI.
    public var kind: String
    public var key: String
    public var detail: String

    public init(kind: String, key: String, detail: String) {
      self.kind = kind
      self.key = key
      self.detail = detail
    }
  }

  public let tier: TierHandle
  private let table: UnsafePointer<chronik_archive>

  /// Nil when the tier does not offer it.
  public init?(_ tier: TierHandle) {
    guard let raw = tier.extension(CHRONIK_EXTENSION_ARCHIVE) else { return nil }
    let table = raw.assumingMemoryBound(to: chronik_archive.self)
    let first = MemoryLayout<chronik_archive>.offset(of: \.finish_deletions)!
    guard table.pointee.struct_size >= first else { return nil }
    self.tier = tier
    self.table = table
  }

  /// Makes the index again from what the store holds. `progress`: done and total, 0 while not known.
  public func rebuild(progress: @escaping (UInt64, UInt64) -> Void) throws(TierFailure) -> Summary {
    let calls = Calls(progress: progress)
    var summary = Self.emptySummary
    try PluginCall.check("\(tier.name).rebuild") { message in
      table.pointee.rebuild(tier.me, Calls.progress, calls.pointer, &summary, message)
    }
    withExtendedLifetime(calls) {}
    return Summary(summary)
  }

  /// Compares index and store in both directions; changes nothing. `readsEverything`: every byte of every object, too.
  public func verify(
    readsEverything: Bool, progress: @escaping (UInt64, UInt64) -> Void, visit: @escaping (Finding) -> Void
  ) throws(TierFailure) -> Summary {
    let calls = Calls(progress: progress, visit: visit)
    var summary = Self.emptySummary
    try PluginCall.check("\(tier.name).verify") { message in
      table.pointee.verify(
        tier.me, readsEverything ? CHRONIK_ARCHIVE_READ_EVERYTHING : 0, Calls.progress, calls.pointer, Calls.visit,
        calls.pointer, &summary, message)
    }
    withExtendedLifetime(calls) {}
    return Summary(summary)
  }

  /// Carries out the deletions that are pending and returns when none is left; nil when the tier does it in the
  /// background only.
  public func finishDeletions(progress: @escaping (UInt64, UInt64) -> Void) throws(TierFailure) -> Summary? {
    guard table.pointee.struct_size >= MemoryLayout<chronik_archive>.size, let finish = table.pointee.finish_deletions
    else { return nil }
    let calls = Calls(progress: progress)
    var summary = Self.emptySummary
    try PluginCall.check("\(tier.name).finish_deletions") { message in
      finish(tier.me, Calls.progress, calls.pointer, &summary, message)
    }
    withExtendedLifetime(calls) {}
    return Summary(summary)
  }

  /// Writes the index as JSON, piece by piece; of all topics when `topic` is empty.
  public func exportJSON(topic: String, write: (UnsafeRawBufferPointer) -> Void) throws(TierFailure) {
    var name = topic
    var outcome = Result<Void, TierFailure>.success(())
    withoutActuallyEscaping(write) { write in
      let calls = Calls(write: write)
      outcome = Result { () throws(TierFailure) in
        try PluginCall.check("\(tier.name).export_json") { message in
          name.withUTF8 { utf8 in
            table.pointee.export_json(
              tier.me, chronik_bytes(ptr: utf8.baseAddress, len: utf8.count), Calls.write, calls.pointer, message)
          }
        }
      }
      withExtendedLifetime(calls) {}
    }
    try outcome.get()
  }

  private static var emptySummary: chronik_archive_summary {
    var summary = chronik_archive_summary()
    summary.struct_size = UInt32(MemoryLayout<chronik_archive_summary>.size)
    return summary
  }

  /// The closures of one call, as C's context.
  private final class Calls {
    let progress: (UInt64, UInt64) -> Void
    let visit: (Finding) -> Void
    let write: (UnsafeRawBufferPointer) -> Void

    init(
      progress: @escaping (UInt64, UInt64) -> Void = { _, _ in }, visit: @escaping (Finding) -> Void = { _ in },
      write: @escaping (UnsafeRawBufferPointer) -> Void = { _ in }
    ) {
      self.progress = progress
      self.visit = visit
      self.write = write
    }

    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static func from(_ context: UnsafeMutableRawPointer?) -> Calls {
      Unmanaged<Calls>.fromOpaque(context!).takeUnretainedValue()
    }

    static let progress: chronik_archive_progress = { context, done, total in
      Calls.from(context).progress(done, total)
      return 0
    }

    static let visit: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<chronik_archive_finding>) -> Void = {
      Calls.from($0).visit(Finding($1.pointee))
    }

    static let write: @convention(c) (UnsafeMutableRawPointer?, chronik_bytes) -> Void = { context, piece in
      Calls.from(context).write(UnsafeRawBufferPointer(start: piece.ptr, count: piece.len))
    }
  }
}

extension ArchiveExtension.Summary {
  fileprivate init(_ raw: chronik_archive_summary) {
    self.init(
      partitions: raw.partitions, objects: raw.objects, objectBytes: raw.object_bytes, recordBytes: raw.record_bytes,
      findings: raw.findings, repaired: raw.repaired, pendingDeletions: raw.pending_deletions)
  }
}

extension ArchiveExtension.Finding {
  fileprivate init(_ raw: chronik_archive_finding) {
    kind =
      switch raw.kind {
      case CHRONIK_ARCHIVE_OBJECT_WITHOUT_ENTRY: "object-without-entry"
      case CHRONIK_ARCHIVE_ENTRY_WITHOUT_OBJECT: "entry-without-object"
      case CHRONIK_ARCHIVE_DAMAGED: "damaged"
      case CHRONIK_ARCHIVE_GAP: "gap"
      case CHRONIK_ARCHIVE_FOREIGN: "foreign"
      case CHRONIK_ARCHIVE_LOST: "lost"
      default: String(raw.kind)
      }
    key = String(borrowing: raw.key)
    detail = String(borrowing: raw.detail)
  }
}
