import Foundation
import Synchronization
import Testing
import TierAPI
import TierKit

@testable import ArchiveSearch

/// The C table, called as a host does.
@Suite struct TableTests {
  private final class Partition: TierPartition {
    let number: Int
    init(_ number: Int) { self.number = number }
    var state: PartitionState { PartitionState(startOffset: 0, endOffset: 0, durableEndOffset: 0, byteCount: 0) }
    func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome { .miss }
  }

  /// Searches the world that the test made.
  private final class Searcher: SearchingTier {
    let world: TestWorld
    init(_ world: TestWorld) { self.world = world }

    func openPartition(
      _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
    ) throws(TierError) -> any TierPartition { Partition(Int(id.partition)) }

    func `extension`(_ id: String) -> UnsafeRawPointer? { VTable.searchExtension(id) }

    func search(
      _ request: SearchRequest, _ scopes: [SearchScope], source: any SearchSource
    ) throws(TierError) -> SearchOutcome {
      let own = scopes.map { (partition: world.partitions[($0.partition as! Partition).number], offsets: $0.offsets) }
      return try TestWorld.search().run(request, own, source: source)
    }
  }

  private static let worlds = Mutex<[TestWorld]>([])

  private static let description = TierDescription(
    id: "searcher", name: "Searcher", version: "1", summary: "For tests.", abilities: [.search], keys: [])

  private static let create: VTable.Create = { host, options, out, message in
    VTable.create(host, options, out, message) { (_, _) throws(TierError) in
      Searcher(worlds.withLock { $0.removeLast() })
    }
  }

  /// What a call left behind.
  private final class Seen {
    var hits: [SearchHit] = []
    let source: TestSource
    var failures = 0
    init(_ source: TestSource) { self.source = source }
  }

  private struct Answer {
    var status: Int32
    var message: String
    var result: chronik_search_result
    var seen: Seen
  }

  /// One search through the tables, from creating the tier to destroying it.
  private func search(_ world: TestWorld, _ source: TestSource, _ query: String, limit: UInt32 = 10_000) -> Answer {
    Self.worlds.withLock { $0.append(world) }
    let tier = VTable.tier(Self.description, create: Self.create).tier.pointee
    var text = [CChar](repeating: 0, count: 300)
    let seen = Seen(source)
    return text.withUnsafeMutableBufferPointer { buffer in
      var message = chronik_message(text: buffer.baseAddress!, capacity: 300, length: 0)
      let host = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<chronik_host>.size, alignment: 16)
      defer { host.deallocate() }
      var options = chronik_tier_options()
      var me: UnsafeMutableRawPointer?
      #expect(tier.create(host.assumingMemoryBound(to: chronik_host.self), &options, &me, &message) == CHRONIK_OK)
      defer { tier.destroy(me!) }
      let table = tier.get_extension!(me!, CHRONIK_EXTENSION_SEARCH)!.assumingMemoryBound(to: chronik_search.self)
      #expect(tier.get_extension!(me!, "chronik.other/1") == nil)
      let partitions = world.logs.indices.map { number in
        var id = chronik_partition_id()
        id.partition = Int32(number)
        var settings = chronik_partition_settings()
        var handle: UnsafeMutableRawPointer?
        #expect(tier.open_partition(me!, &id, &settings, 0, &handle, &message) == CHRONIK_OK)
        return chronik_search_partition(
          partition: handle!, start_offset: world.scopes[number].offsets.lowerBound,
          end_offset: world.scopes[number].offsets.upperBound, reserved: (0, 0))
      }
      defer { for partition in partitions { tier.close_partition(me!, partition.partition) } }
      var result = chronik_search_result()
      result.struct_size = UInt32(MemoryLayout<chronik_search_result>.size)
      var lender = Self.lender(seen)
      let status = Array(query.utf8).withUnsafeBufferPointer { bytes in
        var request = chronik_search_request()
        request.struct_size = UInt32(MemoryLayout<chronik_search_request>.size)
        request.query = chronik_bytes(ptr: bytes.baseAddress, len: bytes.count)
        request.since_ms = .min
        request.until_ms = .max
        request.order = CHRONIK_SEARCH_NEWEST
        request.limit = limit
        request.deadline_ns = .max
        return table.pointee.search(
          me!, &request, partitions, partitions.count, &lender,
          { context, hit in
            Unmanaged<Seen>.fromOpaque(context!).takeUnretainedValue().hits.append(SearchHit(hit.pointee))
          },
          Unmanaged.passUnretained(seen).toOpaque(), &result, &message)
      }
      return Answer(
        status: status,
        message: String(decoding: UnsafeRawBufferPointer(start: message.text, count: message.length), as: UTF8.self),
        result: result, seen: seen)
    }
  }

  /// A source in C that hands on what the test's source lends.
  private static func lender(_ seen: Seen) -> chronik_search_source {
    chronik_search_source(
      struct_size: UInt32(MemoryLayout<chronik_search_source>.size), reserved: 0,
      context: Unmanaged.passUnretained(seen).toOpaque(),
      read: { context, index, request, result, _ in
        let source = Unmanaged<Seen>.fromOpaque(context!).takeUnretainedValue().source
        let wanted = ReadRequest(
          offset: request.pointee.offset, endOffset: request.pointee.end_offset,
          maxBytes: Int(request.pointee.max_bytes), minOneBatch: request.pointee.min_one_batch != 0, nonblocking: false)
        do throws(TierError) {
          guard let lent = try source.lend(index, wanted) else { return CHRONIK_MISS }
          precondition(lent.extents.count <= Int(result.pointee.capacity))
          for (place, extent) in lent.extents.enumerated() { result.pointee.extents[place] = extent }
          result.pointee.extent_count = UInt32(lent.extents.count)
          result.pointee.start_offset = lent.start
          result.pointee.next_offset = lent.next
          return CHRONIK_OK
        } catch {
          return error.code.rawValue
        }
      })
  }

  @Test func theTableFindsWhatTheSwiftSideFinds() throws {
    let world = try TestWorld(seed: 91)
    let source = TestSource(world.logs, inFiles: true)
    let expected = world.expected(
      Question(clauses: [(.must, .phrase(["error"]))], text: "error"), world.scopes.map(\.offsets))
    let answer = search(world, source, "error")
    #expect(answer.status == CHRONIK_OK && answer.seen.hits.map(\.known) == expected)
    #expect(answer.result.total == expected.count && answer.result.flags == CHRONIK_SEARCH_TOTAL_EXACT)
    #expect(answer.result.cursor_length == 0 && answer.result.objects_searched > 0)
    #expect(source.loans.given.withLock { $0 } > 0 && source.loans.open.withLock { $0 } == 0)
    let page = search(world, source, "error", limit: 3)
    #expect(page.seen.hits.map(\.known) == Array(expected.prefix(3)) && page.result.cursor_length > 0)
  }

  @Test func errorsAndPartialAnswersCarryTheirReason() throws {
    let world = try TestWorld(seed: 92)
    let source = TestSource(world.logs)
    let refused = search(world, source, "a \"b")
    #expect(refused.status == CHRONIK_INVALID_CONFIG && refused.message.contains("at character 3"))
    source.fail(0, 0..<Int64.max, TierError(.throttled, "slow down"))
    world.partitions[0].change { for index in $0.indices { $0[index].openFailure = TierError(.retriable, "away") } }
    let partial = search(world, source, "error")
    #expect(partial.status == CHRONIK_OK && partial.result.flags == CHRONIK_SEARCH_PARTIAL)
    #expect(!partial.message.isEmpty && source.loans.open.withLock { $0 } == 0)
  }
}

extension SearchHit {
  /// A copy of what a visit lent.
  fileprivate init(_ raw: chronik_search_hit) {
    func bytes(_ bytes: chronik_bytes) -> [UInt8] { Array(UnsafeBufferPointer(start: bytes.ptr, count: bytes.len)) }
    let headers = UnsafeBufferPointer(start: raw.headers, count: raw.header_count).map {
      Header(name: bytes($0.name), value: UInt(bitPattern: $0.value.len) == UInt.max ? nil : bytes($0.value))
    }
    self.init(
      partition: raw.partition_index, offset: raw.offset, timestamp: raw.timestamp_ms,
      hasAppendTime: raw.flags & CHRONIK_SEARCH_APPEND_TIME != 0,
      key: raw.flags & CHRONIK_SEARCH_NULL_KEY != 0 ? nil : bytes(raw.key),
      value: raw.flags & CHRONIK_SEARCH_NULL_VALUE != 0 ? nil : bytes(raw.value), headers: headers, score: raw.score)
  }
}
