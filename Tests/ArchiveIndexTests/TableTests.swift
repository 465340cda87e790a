import ArchiveFormat
import TierAPI
import TierKit
import Testing

@testable import ArchiveIndexCore

@Suite struct TableTests {
  @Test func theTableOfArchiveUpkeepWorksFromC() throws {
    let rig = try Rig()
    try rig.open().importSegment(batches(20))
    let raw = try #require(rig.tier.extension(CHRONIK_EXTENSION_ARCHIVE))
    let table = raw.assumingMemoryBound(to: chronik_archive.self).pointee
    #expect(rig.tier.extension("chronik.nothing/1") == nil)
    // `self` is what create() gives out; the closure hands over the instance that exists already.
    let tier = rig.tier
    let me = try instance(of: tier, rig.host)
    defer { Unmanaged<AnyObject>.fromOpaque(me).release() }
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: 256)
    defer { text.deallocate() }
    var message = chronik_message(text: text, capacity: 256, length: 0)
    var summary = chronik_archive_summary()
    summary.struct_size = UInt32(MemoryLayout<chronik_archive_summary>.size)
    rig.store["stray"] = [1]
    let found = Unmanaged.passRetained(Collected())
    defer { found.release() }
    let status = table.verify(
      me, CHRONIK_ARCHIVE_READ_EVERYTHING, nil, nil,
      { context, finding in
        let collected = Unmanaged<Collected>.fromOpaque(context!).takeUnretainedValue()
        collected.texts.append("\(finding.pointee.kind) \(String(finding.pointee.key))")
      }, found.toOpaque(), &summary, &message)
    #expect(status == CHRONIK_OK)
    #expect(found.takeUnretainedValue().texts == ["5 stray"])
    #expect(summary.findings == 1 && summary.objects == UInt64(rig.store.keys.count - 1) && summary.partitions == 1)
    #expect(summary.record_bytes == UInt64(bytes(batches(20)).count))
    #expect(table.rebuild(me, { _, _, _ in 1 }, nil, &summary, &message) == CHRONIK_CANCELLED)
    #expect(table.rebuild(me, nil, nil, &summary, &message) == CHRONIK_OK)
    #expect(summary.repaired == 0)
    let finish = try #require(table.finish_deletions)
    try rig.tier.deletePartition(PartitionID(topic: "gone", topicID: [UInt8](repeating: 8, count: 16), partition: 0))
    rig.store["gone~CAgICAgICAgICAgICAgICA/0/left"] = [1]
    #expect(finish(me, { _, done, _ in done > 0 ? 1 : 0 }, nil, &summary, &message) == CHRONIK_CANCELLED)
    #expect(finish(me, nil, nil, &summary, &message) == CHRONIK_OK)
    #expect(summary.pending_deletions == 0 && !rig.store.keys.contains { $0.hasPrefix("gone") })
    let json = Unmanaged.passRetained(Collected())
    defer { json.release() }
    let none = chronik_bytes(ptr: nil, len: 0)
    let written = table.export_json(
      me, none,
      { context, piece in Unmanaged<Collected>.fromOpaque(context!).takeUnretainedValue().texts.append(String(piece)) },
      json.toOpaque(), &message)
    #expect(written == CHRONIK_OK)
    #expect(json.takeUnretainedValue().texts.joined().contains("\"end_offset\":40"))
  }

  private final class Collected {
    var texts: [String] = []
  }

  private func instance(of tier: ArchiveTier, _ host: FakeHost) throws -> UnsafeMutableRawPointer {
    var options = chronik_tier_options()
    options.struct_size = UInt32(MemoryLayout<chronik_tier_options>.size)
    var out: UnsafeMutableRawPointer?
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: 256)
    defer { text.deallocate() }
    var message = chronik_message(text: text, capacity: 256, length: 0)
    let status = VTable.create(host.raw, &options, &out, &message) { _, _ in tier }
    #expect(status == CHRONIK_OK)
    return try #require(out)
  }
}
