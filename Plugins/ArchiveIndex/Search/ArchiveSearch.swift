internal import ArchiveFormat
package import TierKit

/// Searches many partitions as one collection: their archive objects, and through the source whatever no object has.
///
/// Newest first: units are taken latest first, several at a time, until no unit can have a record that is later than
/// the last one wanted. By relevance: first the statistics of all units, then all units; scores of archived and other
/// records are comparable because the statistics are summed. Objects count whole there, also where only a part of them
/// is searched, and those without an index of words do not count.
///
/// Thread-safe; searches do not know of each other.
package struct ArchiveSearch<Partition: SearchablePartition>: Sendable {
  private let limits: SearchLimits
  private let clock: @Sendable () -> Int64
  private let crew: Crew

  /// `clock` is monotonic, in nanoseconds. `spawn` runs a function on another thread, or says that it will not.
  package init(
    limits: SearchLimits = SearchLimits(), clock: @escaping @Sendable () -> Int64,
    spawn: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool
  ) {
    self.limits = limits
    self.clock = clock
    crew = Crew(width: limits.width, spawn: spawn)
  }

  /// With the host's clock and threads.
  package init(limits: SearchLimits = SearchLimits(), host: HostServices) {
    self.init(limits: limits, clock: { host.monotonicNanoseconds }, spawn: { host.runBlocking($0) })
  }

  /// Records of `scopes` that answer. Blocks; see `SearchingTier.search` for what it throws.
  package func run(
    _ request: SearchRequest, _ scopes: [(partition: Partition, offsets: Range<Int64>)], source: any SearchSource
  ) throws(TierError) -> SearchOutcome {
    let query = try Query(request)
    let cursor = try cursor(request, scopes.count)
    let state = SearchState(request, order: query.order, limits: limits, clock: clock)
    var units: [SearchUnit] = []
    for (index, scope) in scopes.enumerated() {
      units += SearchPlan.units(
        partition: index, offsets: scope.offsets, objects: scope.partition.objects(in: scope.offsets),
        since: request.since)
    }
    let searches = SearchPlan.newestFirst(units).map { unit in
      var own = query
      let index = unit.partition
      own.behind = cursor?.place(inPartition: index)
      return UnitSearch(unit, scopes[index].partition, query: own, source: source, state)
    }
    let statistics = query.order == .relevance ? statistics(searches, state) : nil
    crew.run(searches.count) { searches[$0].run(statistics) }
    return try outcome(request, state)
  }

  private func cursor(_ request: SearchRequest, _ scopeCount: Int) throws(TierError) -> SearchCursor? {
    if request.cursor.isEmpty { return nil }
    guard request.order == .newest else {
      throw TierError(.invalidConfiguration, "cursor: only a search for the newest records can go on")
    }
    return try SearchCursor(request.cursor, question: request.question, partitionCount: scopeCount)
  }

  private func statistics(_ searches: [UnitSearch<Partition>], _ state: SearchState) -> CorpusStatistics {
    let sum = SharedStatistics(keptCountMax: limits.preparedByteCountMax)
    state.beginHalf()
    crew.run(searches.count) { sum.add(searches[$0].prepare(keeps: sum.mayKeep)) }
    state.endHalf()
    return sum.value
  }

  private func outcome(_ request: SearchRequest, _ state: SearchState) throws(TierError) -> SearchOutcome {
    let values = state.finish()
    if values.isCancelled { throw TierError(.cancelled, "the search was cancelled") }
    if let failure = values.failure, values.finishedUnitCount == 0, values.best.records.isEmpty { throw failure }
    var outcome = SearchOutcome()
    outcome.hits = zip(values.best.ranks, values.best.records).map { SearchHit($1, partition: $0.partition) }
    outcome.total = UInt64(values.total)
    outcome.totalIsExact = values.totalIsExact
    outcome.reasonForPartial = values.reason
    outcome.objectsSearched = UInt64(values.objectCount)
    outcome.bytesRead = UInt64(values.byteCount)
    outcome.rounds = UInt64(values.roundCountMax)
    outcome.recordsScanned = UInt64(values.scannedRecordCount)
    if request.order == .relevance {
      if values.best.cut != nil, values.reason == nil {
        outcome.reasonForPartial = "the records found exceed \(limits.hitByteCountMax) bytes"
      }
    } else if let last = values.best.ranks.last, !(values.totalIsExact && values.total == outcome.hits.count) {
      let cursor = SearchCursor(timestamp: last.timestamp, partition: last.partition, offset: last.offset)
      outcome.cursor = cursor.bytes(question: request.question)
    }
    return outcome
  }
}

extension SearchUnit {
  fileprivate var partition: Int {
    switch self {
    case .object(let partition, _, _), .unsealed(let partition, _): partition
    }
  }
}

extension SearchHit {
  fileprivate init(_ found: FoundRecord, partition: Int) {
    let record = found.record
    self.init(
      partition: partition, offset: record.offset, timestamp: record.timestamp, hasAppendTime: record.hasAppendTime,
      key: record.key, value: record.value,
      headers: record.headers.map { Header(name: $0.key, value: $0.value) }, score: found.score)
  }
}
