import ArchiveFormat
import Foundation
import KafkaRecords
import Synchronization
import TierAPI
import TierKit

@testable import ArchiveSearch

/// An object in memory whose reads can fail.
struct TestObject: RangeSource, Sendable {
  let base: MemoryRangeSource
  let failure: TierError?

  func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    if let failure { throw failure }
    return try base.read(ranges)
  }
}

/// A partition's objects.
final class TestPartition: SearchablePartition {
  struct Entry: Sendable {
    var name: ObjectName
    var footer: Footer
    var filter: KeyFilter?
    var bytes: [UInt8]
    /// Thrown by `reader`, and by reads of the object.
    var openFailure: TierError?
    var readFailure: TierError?
  }

  private let entries = Mutex<[Entry]>([])
  let openCount = Mutex(0)

  func add(_ entry: Entry) { entries.withLock { $0.append(entry) } }
  func change(_ body: @Sendable (inout [Entry]) -> Void) { entries.withLock { body(&$0) } }
  var all: [Entry] { entries.withLock { $0 } }

  func objects(in range: Range<Int64>) -> [ObjectName] {
    ObjectCover(all.map(\.name)).kept.filter { $0.offsets.overlaps(range) }
  }

  func reader(for object: ObjectName, _ call: StoreCall) throws(TierError) -> ArchiveReader<TestObject> {
    openCount.withLock { $0 += 1 }
    guard let entry = all.first(where: { $0.name == object }) else { throw TierError(.notFound, "no such object") }
    if let failure = entry.openFailure { throw failure }
    let source = TestObject(base: MemoryRangeSource(entry.bytes), failure: entry.readFailure)
    return ArchiveReader(source: source, footer: entry.footer, keyFilter: entry.filter)
  }

  func forget(_ object: ObjectName) {}

  /// Archives the log's batches with these numbers.
  func archive(
    _ log: TestLog, _ batches: Range<Int>, index: IndexKind = .full, generation: UInt8 = 0, offsets: Range<Int64>? = nil
  ) throws {
    let part = log.batches[batches]
    let whole = offsets ?? part.first!.offsets.lowerBound..<part.last!.offsets.upperBound
    let bytes = part.flatMap(\.bytes)
    let object = try bytes.withUnsafeBytes { bytes in
      var segment = ArchiveSegment(
        identity: .init(topicID: Array(1...16), topic: "logs", partition: Int32(log.partition)), batches: [bytes])
      segment.offsets = whole
      segment.abortedTransactions = log.aborted
        .filter { $0.offsets.overlaps(ClosedRange(whole)) }
        .map {
          AbortedTransaction(
            producerID: $0.producer, firstOffset: $0.offsets.lowerBound, lastOffset: $0.offsets.upperBound)
        }
      if generation > 0 { segment.compaction = .init(generation: generation, replacedByteCount: 1) }
      return try ArchiveWriter(index: index, level: 1).write(segment)
    }
    let copy = object.withBytes { [UInt8]($0) }
    let reader = try ArchiveReader(opening: MemoryRangeSource(copy), objectByteCount: copy.count)
    add(
      Entry(
        name: ObjectName(object.footer, leaderEpoch: 3), footer: object.footer, filter: reader.keyFilter, bytes: copy))
  }
}

/// The chain above: lends batches of logs, in memory or in a file, as many as fit.
final class TestSource: SearchSource {
  /// Keeps count of what is lent.
  final class Loans: Sendable {
    let open = Mutex(0)
    let given = Mutex(0)
  }

  private final class Loan: @unchecked Sendable {
    let loans: Loans
    let bytes: UnsafeRawBufferPointer
    let descriptor: Int32
    let isReleased = Mutex(false)

    init(_ bytes: [UInt8], _ loans: Loans, inFile: Bool) {
      self.loans = loans
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
      memory.copyBytes(from: bytes)
      self.bytes = UnsafeRawBufferPointer(memory)
      if inFile {
        var template = Array((NSTemporaryDirectory() + "/chronik-search-XXXXXX").utf8CString)
        descriptor = mkstemp(&template)
        precondition(descriptor >= 0)
        unlink(template)
        precondition(write(descriptor, memory.baseAddress!, bytes.count) == bytes.count)
      } else {
        descriptor = -1
      }
      loans.open.withLock { $0 += 1 }
      loans.given.withLock { $0 += 1 }
    }

    deinit {
      bytes.deallocate()
      if descriptor >= 0 { close(descriptor) }
      loans.open.withLock { $0 -= 1 }
    }
  }

  let loans = Loans()
  private let logs: Mutex<[TestLog]>
  private let failing: Mutex<[(scope: Int, offsets: Range<Int64>, error: TierError)]> = Mutex([])
  private let byteCountMax: Int
  private let inFiles: Bool

  init(_ logs: [TestLog], byteCountMax: Int = .max, inFiles: Bool = false) {
    self.logs = Mutex(logs)
    self.byteCountMax = byteCountMax
    self.inFiles = inFiles
  }

  func replace(_ logs: [TestLog]) { self.logs.withLock { $0 = logs } }

  func fail(_ scope: Int, _ offsets: Range<Int64>, _ error: TierError) {
    failing.withLock { $0.append((scope, offsets, error)) }
  }

  func read(_ scope: Int, _ request: ReadRequest) throws(TierError) -> SourceAnswer? {
    guard let lent = try lend(scope, request) else { return nil }
    return SourceAnswer(startOffset: lent.start, nextOffset: lent.next, extents: lent.extents)
  }

  /// The same as it crosses the border; each extent carries a reference.
  func lend(
    _ scope: Int, _ request: ReadRequest
  ) throws(TierError) -> (start: Int64, next: Int64, extents: [chronik_extent])? {
    let failure = failing.withLock { list in
      list.first { $0.scope == scope && $0.offsets.contains(request.offset) }?.error
    }
    if let failure { throw failure }
    let log = logs.withLock { $0[scope] }
    guard log.offsets.contains(request.offset) else { return nil }
    var taken: [TestLog.Batch] = []
    var byteCount = 0
    for batch in log.batches where batch.offsets.upperBound > request.offset {
      if batch.offsets.lowerBound >= request.endOffset { break }
      if !taken.isEmpty, byteCount + batch.bytes.count > min(request.maxBytes, byteCountMax) { break }
      taken.append(batch)
      byteCount += batch.bytes.count
    }
    guard let first = taken.first, let last = taken.last else {
      return (-1, -1, [])
    }
    // Cut somewhere, because nothing says that extents end where batches do.
    let bytes = taken.flatMap(\.bytes)
    let middle = bytes.count / 3
    return (
      first.offsets.lowerBound, last.offsets.upperBound,
      [lend(Array(bytes[..<middle])), lend(Array(bytes[middle...]))]
    )
  }

  private func lend(_ bytes: [UInt8]) -> chronik_extent {
    let loan = Loan(bytes, loans, inFile: inFiles)
    var extent = chronik_extent()
    extent.kind = inFiles ? CHRONIK_EXTENT_FILE : CHRONIK_EXTENT_MEMORY
    extent.fd = loan.descriptor
    extent.ptr = inFiles ? nil : loan.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    extent.len = bytes.count
    extent.owner = Unmanaged.passRetained(loan).toOpaque()
    extent.release = { owner in
      let loan = Unmanaged<Loan>.fromOpaque(owner!)
      let wasReleased = loan.takeUnretainedValue().isReleased.withLock { old in
        defer { old = true }
        return old
      }
      precondition(!wasReleased, "an extent was released twice")
      loan.release()
    }
    return extent
  }
}
