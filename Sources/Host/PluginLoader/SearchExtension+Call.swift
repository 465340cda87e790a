import TierAPI

extension SearchExtension {
  /// Headers of one hit that are passed on; a record with more is a mistake of the tier (Kafka's own bound is lower in
  /// practice: each takes bytes of a batch).
  private static let headerCountMax = 1 << 20
  /// A record's length is an int32, so no part of it is longer.
  private static let fieldByteCountMax = Int(Int32.max)

  /// Searches, and calls `visit` for each hit, best first, on this thread. Blocks until the deadline.
  ///
  /// Every answer is checked: a hit outside its target, more hits than asked for, lengths without bytes and numbers
  /// that are none make the search fail, because then nothing the tier says can be believed. What was visited before
  /// that must be thrown away.
  public func run(
    _ request: SearchRequest, in targets: [SearchTarget], host: some SearchHost, visit: (SearchHit) -> Void
  ) throws(TierFailure) -> SearchSummary {
    precondition((1...SearchRequest.limitMax).contains(request.limit) && !targets.isEmpty)
    return try withoutActuallyEscaping(visit) { visit throws(TierFailure) -> SearchSummary in
      let visits = Visits(targets: targets, limit: request.limit, visit: visit)
      let source = SourceBox(host: host, targets: targets)
      var result = chronik_search_result()
      result.struct_size = UInt32(MemoryLayout<chronik_search_result>.size)
      let (status, message) = call(request, targets, source, visits, &result)
      if let mistake = visits.mistake { throw broken(mistake) }
      guard status == CHRONIK_OK else {
        guard status > CHRONIK_WOULD_BLOCK, let code = TierFailure.Code(rawValue: status) else {
          throw broken("answered with the status \(status)")
        }
        throw TierFailure(code, origin: "\(tier.name).search", message: message)
      }
      return try summary(&result, visited: visits.count, message: message)
    }
  }

  private func broken(_ what: String) -> TierFailure {
    TierFailure(.permanent, origin: "\(tier.name).search", message: "the tier broke its contract: \(what)")
  }

  private func summary(
    _ result: inout chronik_search_result, visited: Int, message: String
  ) throws(TierFailure) -> SearchSummary {
    let length = Int(result.cursor_length)
    guard length <= Int(CHRONIK_SEARCH_CURSOR_CAPACITY) else { throw broken("a cursor of \(length) bytes") }
    let isExact = result.flags & CHRONIK_SEARCH_TOTAL_EXACT != 0
    guard !isExact || result.total >= UInt64(visited) else {
      throw broken("found \(visited) records and says that exactly \(result.total) match")
    }
    let cursor = withUnsafeBytes(of: &result.cursor) { Array($0.prefix(length)) }
    let isPartial = result.flags & CHRONIK_SEARCH_PARTIAL != 0
    return SearchSummary(
      isPartial: isPartial, isTotalExact: isExact, total: max(result.total, UInt64(visited)),
      objectsSearched: result.objects_searched, bytesRead: result.bytes_read, rounds: result.rounds,
      recordsScanned: result.records_scanned, cursor: cursor, reason: isPartial ? message : "")
  }

  /// The C call with everything borrowed in place. The second value is what the tier wrote into the message, which it
  /// may do with OK, too, when the answer is partial.
  private func call(
    _ request: SearchRequest, _ targets: [SearchTarget], _ source: SourceBox, _ visits: Visits,
    _ result: inout chronik_search_result
  ) -> (chronik_status, String) {
    let partitions = targets.map {
      chronik_search_partition(
        partition: $0.partition.raw, start_offset: $0.range.lowerBound, end_offset: $0.range.upperBound,
        reserved: (0, 0))
    }
    let context = Unmanaged.passUnretained(source).toOpaque()
    var table = chronik_search_source(
      struct_size: UInt32(MemoryLayout<chronik_search_source>.size), reserved: 0, context: context,
      read: readFromSource)
    var query = request.query
    return query.withUTF8 { query in
      (request.key ?? []).withUnsafeBufferPointer { key in
        request.cursor.withUnsafeBufferPointer { cursor in
          var raw = chronik_search_request(
            struct_size: UInt32(MemoryLayout<chronik_search_request>.size),
            flags: request.key == nil ? 0 : CHRONIK_SEARCH_HAS_KEY,
            query: chronik_bytes(ptr: query.baseAddress, len: query.count),
            key: chronik_bytes(ptr: key.baseAddress, len: key.count), since_ms: request.since,
            until_ms: request.until,
            order: request.order == .newest ? CHRONIK_SEARCH_NEWEST : CHRONIK_SEARCH_RELEVANCE,
            limit: UInt32(request.limit), cursor: chronik_bytes(ptr: cursor.baseAddress, len: cursor.count),
            deadline_ns: request.deadlineNanoseconds, byte_budget: request.byteBudget,
            cancelled: { context in
              Unmanaged<SourceBox>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.host.isCancelled ? 1 : 0 }
            }, cancel_context: context)
          return withMessageText { message in
            search(
              tier.me, &raw, partitions, partitions.count, &table, visitHit,
              Unmanaged.passUnretained(visits).toOpaque(), &result, message)
          }
        }
      }
    }
  }

  /// Collects the hits of one call. Only the thread of the call uses it.
  final class Visits {
    let targets: [SearchTarget]
    let limit: Int
    let visit: (SearchHit) -> Void
    var count = 0
    /// The first broken rule; nothing is passed on after it.
    var mistake: String?

    init(targets: [SearchTarget], limit: Int, visit: @escaping (SearchHit) -> Void) {
      self.targets = targets
      self.limit = limit
      self.visit = visit
    }

    func take(_ raw: chronik_search_hit) {
      guard mistake == nil else { return }
      switch checked(raw) {
      case .success(let hit):
        count += 1
        visit(hit)
      case .failure(let broken): mistake = broken.rule
      }
    }

    private struct Broken: Error { var rule: String }

    private func checked(_ raw: chronik_search_hit) -> Result<SearchHit, Broken> {
      func broken(_ rule: String) -> Result<SearchHit, Broken> { .failure(Broken(rule: rule)) }
      guard raw.struct_size >= UInt32(MemoryLayout<chronik_search_hit>.size) else {
        return broken("a hit that is too short")
      }
      guard count < limit else { return broken("more than the \(limit) records that were asked for") }
      guard targets.indices.contains(raw.partition_index) else {
        return broken("a hit in partition \(raw.partition_index) of \(targets.count)")
      }
      guard targets[raw.partition_index].range.contains(raw.offset) else {
        return broken("a hit at offset \(raw.offset), outside \(targets[raw.partition_index].range)")
      }
      guard raw.score.isFinite else { return broken("a score that is not a number") }
      guard isSound(raw.key), isSound(raw.value) else { return broken("a key or value without bytes") }
      guard (0...SearchExtension.headerCountMax).contains(raw.header_count), raw.header_count == 0 || raw.headers != nil
      else {
        return broken("\(raw.header_count) headers")
      }
      var headers: [(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)] = []
      for header in UnsafeBufferPointer(start: raw.headers, count: raw.header_count) {
        // CHRONIK_SEARCH_NULL_HEADER_VALUE, which is SIZE_MAX, and a size_t is an Int here.
        let isNull = header.value.len == -1
        guard isSound(header.name), isNull || isSound(header.value) else { return broken("a header without bytes") }
        headers.append((bytes(header.name), isNull ? nil : bytes(header.value)))
      }
      return .success(
        SearchHit(
          target: raw.partition_index, offset: raw.offset, timestamp: raw.timestamp_ms,
          isAppendTime: raw.flags & CHRONIK_SEARCH_APPEND_TIME != 0,
          key: raw.flags & CHRONIK_SEARCH_NULL_KEY != 0 ? nil : bytes(raw.key),
          value: raw.flags & CHRONIK_SEARCH_NULL_VALUE != 0 ? nil : bytes(raw.value), headers: headers,
          score: raw.score))
    }

    private func isSound(_ bytes: chronik_bytes) -> Bool {
      bytes.len == 0 || ((0...SearchExtension.fieldByteCountMax).contains(bytes.len) && bytes.ptr != nil)
    }

    private func bytes(_ raw: chronik_bytes) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: raw.ptr, count: raw.ptr == nil ? 0 : raw.len)
    }
  }
}

private let visitHit: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<chronik_search_hit>) -> Void = {
  context, hit in
  Unmanaged<SearchExtension.Visits>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.take(hit.pointee) }
}

/// Runs a C call with room for a sentence; answers with the status and the sentence, which may be empty.
func withMessageText(_ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status) -> (chronik_status, String) {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
    var message = chronik_message(text: text.baseAddress!, capacity: 512, length: 0)
    let status = body(&message)
    let sentence = UnsafeRawBufferPointer(start: text.baseAddress!, count: min(max(message.length, 0), 512))
    return (status, String(decoding: sentence, as: UTF8.self))
  }
}
