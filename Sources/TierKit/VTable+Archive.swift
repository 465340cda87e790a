import TierAPI

extension VTable {
  /// The answer of an `ArchivingTier` to `extension(_:)`: its table for `chronik.archive/1`, nil for every other id.
  public static func archiveExtension(_ id: String) -> UnsafeRawPointer? {
    id == CHRONIK_EXTENSION_ARCHIVE ? UnsafeRawPointer(archiveTable) : nil
  }

  /// One table for all instances; never freed, as the ABI wants it.
  nonisolated(unsafe) private static let archiveTable: UnsafePointer<chronik_archive> = {
    let table = UnsafeMutablePointer<chronik_archive>.allocate(capacity: 1)
    table.initialize(
      to: chronik_archive(
        struct_size: UInt32(MemoryLayout<chronik_archive>.size), reserved: 0,
        rebuild: { me, progress, context, summary, message in
          VTable.report(message) { () throws(TierError) in
            let result = try me.archiving().rebuild { done, total in progress?(context, done, total) ?? 0 == 0 }
            result.write(to: summary)
            return CHRONIK_OK
          }
        },
        verify: { me, flags, progress, context, visit, visitContext, summary, message in
          VTable.report(message) { () throws(TierError) in
            let result = try me.archiving().verify(
              readsEverything: flags & CHRONIK_ARCHIVE_READ_EVERYTHING != 0,
              progress: { done, total in progress?(context, done, total) ?? 0 == 0 }
            ) { finding in finding.withRaw { visit(visitContext, $0) } }
            result.write(to: summary)
            return CHRONIK_OK
          }
        },
        export_json: { me, topic, write, context, message in
          VTable.report(message) { () throws(TierError) in
            try me.archiving().exportJSON(topic: topic.len == 0 ? nil : String(topic)) { piece in
              piece.withBorrowed { write(context, $0) }
            }
            return CHRONIK_OK
          }
        },
        finish_deletions: { me, progress, context, summary, message in
          VTable.report(message) { () throws(TierError) in
            let result = try me.archiving().finishDeletions { done, total in progress?(context, done, total) ?? 0 == 0 }
            result.write(to: summary)
            return CHRONIK_OK
          }
        }))
    return UnsafePointer(table)
  }()
}

extension UnsafeMutableRawPointer {
  fileprivate func archiving() throws(TierError) -> any ArchivingTier {
    guard let tier = tier as? any ArchivingTier else { throw .notOffered("looking after an archive") }
    return tier
  }
}

extension ArchiveFinding {
  fileprivate func withRaw(_ body: (UnsafePointer<chronik_archive_finding>) -> Void) {
    key.withBorrowed { key in
      detail.withBorrowed { detail in
        var raw = chronik_archive_finding(
          struct_size: UInt32(MemoryLayout<chronik_archive_finding>.size), kind: kind.rawValue, key: key, detail: detail
        )
        body(&raw)
      }
    }
  }
}

extension ArchiveSummary {
  /// As much of it as the caller's struct has room for.
  fileprivate func write(to out: UnsafeMutablePointer<chronik_archive_summary>) {
    let room = out.pointee.struct_size
    var raw = chronik_archive_summary(
      struct_size: room, reserved: 0, partitions: partitions, objects: objects, object_bytes: objectBytes,
      record_bytes: recordBytes, findings: findings, repaired: repaired, pending_deletions: pendingDeletions)
    let size = min(Int(room), MemoryLayout<chronik_archive_summary>.size)
    UnsafeMutableRawPointer(out).copyMemory(from: &raw, byteCount: size)
  }
}
