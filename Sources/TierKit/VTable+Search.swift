import TierAPI

/// The extension `chronik.search/1` over ``SearchingTier``.
extension VTable {
  /// What a searching tier's `extension(_:)` answers for `id`: the table, nil for other ids.
  public static func searchExtension(_ id: String) -> UnsafeRawPointer? {
    id == CHRONIK_EXTENSION_SEARCH ? UnsafeRawPointer(searchTable) : nil
  }

  /// The table itself; the same for every instance, never freed.
  nonisolated(unsafe) public static let searchTable: UnsafePointer<chronik_search> = {
    let table = UnsafeMutablePointer<chronik_search>.allocate(capacity: 1)
    table.initialize(
      to: chronik_search(
        struct_size: UInt32(MemoryLayout<chronik_search>.size), reserved: 0,
        search: { me, request, partitions, count, source, visit, context, result, message in
          guard let tier = me.tier as? any SearchingTier else {
            return TierError.notOffered("search").report(into: message)
          }
          return VTable.report(message) { () throws(TierError) in
            let scopes = try UnsafeBufferPointer(start: partitions, count: count).map(SearchScope.init)
            let outcome = try tier.search(SearchRequest(request), scopes, source: BorrowedSource(source))
            for hit in outcome.hits { hit.withRaw { visit(context, $0) } }
            outcome.write(to: result)
            if let reason = outcome.reasonForPartial { _ = TierError(.retriable, reason).report(into: message) }
            return CHRONIK_OK
          }
        }))
    return UnsafePointer(table)
  }()
}

extension SearchScope {
  fileprivate init(_ raw: chronik_search_partition) throws(TierError) {
    guard raw.start_offset <= raw.end_offset else {
      throw TierError(.invalidConfiguration, "offsets \(raw.start_offset) to \(raw.end_offset) are no range")
    }
    self.init(partition: raw.partition.partition, offsets: raw.start_offset..<raw.end_offset)
  }
}

extension SearchRequest {
  fileprivate init(_ raw: UnsafePointer<chronik_search_request>) throws(TierError) {
    guard let order = Order(rawValue: raw.pointee.order) else {
      throw TierError(.invalidConfiguration, "order \(raw.pointee.order) is neither newest (1) nor relevance (2)")
    }
    let canceller = Canceller(function: raw.pointee.cancelled, context: raw.pointee.cancel_context)
    self.init(
      query: [UInt8](raw.pointee.query),
      key: raw.pointee.flags & CHRONIK_SEARCH_HAS_KEY != 0 ? [UInt8](raw.pointee.key) : nil,
      since: raw.pointee.since_ms, until: raw.pointee.until_ms, order: order, limit: Int(raw.pointee.limit),
      cursor: [UInt8](raw.pointee.cursor), deadline: raw.pointee.deadline_ns, byteBudget: raw.pointee.byte_budget,
      isCancelled: { canceller.isCancelled })
  }
}

/// The caller's function, which may be called from any thread.
private struct Canceller: @unchecked Sendable {
  let function: (@convention(c) (UnsafeMutableRawPointer?) -> Int32)?
  let context: UnsafeMutableRawPointer?

  var isCancelled: Bool { function.map { $0(context) != 0 } ?? false }
}

/// The caller's source, borrowed for the search.
private struct BorrowedSource: SearchSource, @unchecked Sendable {
  private let raw: UnsafePointer<chronik_search_source>
  private static let extentCapacity = 64
  private static let messageCapacity = 512

  init(_ raw: UnsafePointer<chronik_search_source>) { self.raw = raw }

  func read(_ scope: Int, _ request: ReadRequest) throws(TierError) -> SourceAnswer? {
    var wanted = chronik_read_request(
      struct_size: UInt32(MemoryLayout<chronik_read_request>.size), flags: 0, offset: request.offset,
      end_offset: request.endOffset, max_bytes: UInt64(request.maxBytes), min_one_batch: request.minOneBatch ? 1 : 0,
      reserved: 0)
    let extents = UnsafeMutablePointer<chronik_extent>.allocate(capacity: Self.extentCapacity)
    defer { extents.deallocate() }
    var result = chronik_read_result(
      struct_size: UInt32(MemoryLayout<chronik_read_result>.size), capacity: UInt32(Self.extentCapacity),
      extent_count: 0, reserved: 0, extents: extents, start_offset: 0, next_offset: 0, byte_count: 0)
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: Self.messageCapacity)
    defer { text.deallocate() }
    var message = chronik_message(text: text, capacity: Self.messageCapacity, length: 0)
    let status = raw.pointee.read(raw.pointee.context, scope, &wanted, &result, &message)
    if status == CHRONIK_MISS { return nil }
    guard status == CHRONIK_OK else {
      let length = min(message.length, Self.messageCapacity)
      let reason = String(
        decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
      throw TierError(TierError.Code(rawValue: status) ?? .permanent, reason.isEmpty ? "status \(status)" : reason)
    }
    let count = min(Int(result.extent_count), Self.extentCapacity)
    return SourceAnswer(
      startOffset: result.start_offset, nextOffset: result.next_offset,
      extents: Array(UnsafeBufferPointer(start: extents, count: count)))
  }
}

extension [UInt8] {
  fileprivate init(_ bytes: chronik_bytes) { self.init(UnsafeBufferPointer(start: bytes.ptr, count: bytes.len)) }
}

extension SearchHit {
  /// Lends the C form for the call.
  fileprivate func withRaw(_ body: (UnsafePointer<chronik_search_hit>) -> Void) {
    var storage: [UInt8] = []
    var ranges: [Range<Int>?] = []
    for part in [key, value] + headers.flatMap({ [$0.name, $0.value] }) {
      guard let part else {
        ranges.append(nil)
        continue
      }
      ranges.append(storage.count..<storage.count + part.count)
      storage += part
    }
    storage.withUnsafeBufferPointer { bytes in
      func piece(_ index: Int, orNull null: Int = 0) -> chronik_bytes {
        guard let range = ranges[index] else { return chronik_bytes(ptr: nil, len: null) }
        return chronik_bytes(ptr: bytes.baseAddress.map { $0 + range.lowerBound }, len: range.count)
      }
      let headers = headers.indices.map {
        chronik_search_header(
          name: piece(2 + 2 * $0), value: piece(3 + 2 * $0, orNull: Int(bitPattern: UInt.max)))
      }
      headers.withUnsafeBufferPointer { list in
        var hit = chronik_search_hit()
        hit.struct_size = UInt32(MemoryLayout<chronik_search_hit>.size)
        hit.flags = key == nil ? CHRONIK_SEARCH_NULL_KEY : 0
        if value == nil { hit.flags |= CHRONIK_SEARCH_NULL_VALUE }
        if hasAppendTime { hit.flags |= CHRONIK_SEARCH_APPEND_TIME }
        hit.partition_index = partition
        hit.offset = offset
        hit.timestamp_ms = timestamp
        hit.key = piece(0)
        hit.value = piece(1)
        hit.headers = list.baseAddress
        hit.header_count = list.count
        hit.score = score
        body(&hit)
      }
    }
  }
}

extension SearchOutcome {
  fileprivate func write(to out: UnsafeMutablePointer<chronik_search_result>) {
    precondition(cursor.count <= Int(CHRONIK_SEARCH_CURSOR_CAPACITY))
    let room = out.pointee.struct_size
    var result = chronik_search_result()
    result.struct_size = room
    if reasonForPartial != nil { result.flags |= CHRONIK_SEARCH_PARTIAL }
    if totalIsExact { result.flags |= CHRONIK_SEARCH_TOTAL_EXACT }
    result.total = total
    result.objects_searched = objectsSearched
    result.bytes_read = bytesRead
    result.rounds = rounds
    result.records_scanned = recordsScanned
    result.cursor_length = UInt32(cursor.count)
    withUnsafeMutableBytes(of: &result.cursor) { $0.copyBytes(from: cursor) }
    let size = min(Int(room), MemoryLayout<chronik_search_result>.size)
    UnsafeMutableRawPointer(out).copyMemory(from: &result, byteCount: size)
  }
}
