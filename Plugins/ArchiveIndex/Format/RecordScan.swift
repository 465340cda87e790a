package import KafkaRecords

/// Searches record batches one by one, without an index: unsealed bytes, and objects whose index is of no use. The
/// caller leaves out control batches and batches of aborted transactions.
package struct RecordScan {
  private let matcher: RecordMatcher
  private let ranking: Ranking
  private let isRanked: Bool
  private var best: BestRecords
  var answer = SearchAnswer()

  init(_ matcher: RecordMatcher, ranking: Ranking, hitByteCountMax: Int) {
    self.matcher = matcher
    self.ranking = ranking
    isRanked = matcher.query.order == .relevance
    best = BestRecords(limit: matcher.query.limit, byteCountMax: hitByteCountMax)
  }

  /// `statistics` are for the order by relevance.
  package init(_ matcher: RecordMatcher, statistics: CorpusStatistics, hitByteCountMax: Int = .max) {
    let ranking = Ranking(tokens: matcher.tokens, statistics: statistics)
    self.init(matcher, ranking: ranking, hitByteCountMax: hitByteCountMax)
  }

  /// False when records of this timestamp or below cannot change the answer.
  package func wants(_ timestamp: Int64) -> Bool { isRanked || best.floor.map { timestamp >= $0 } ?? true }

  /// Counts records that were left out unseen: the total is a lower bound then.
  package mutating func leaveOut() { answer.totalIsExact = false }

  /// True when no record of the batch can be in the query's ranges, by its header alone. A producer's maxTimestamp is
  /// believed here, as it is everywhere a log is searched by time.
  package static func isOutside(_ header: RecordBatchHeader, _ query: Query) -> Bool {
    if let times = query.timestamps, header.maxTimestamp < times.lowerBound { return true }
    guard let offsets = query.offsets else { return false }
    return header.lastOffset < offsets.lowerBound || header.baseOffset >= offsets.upperBound
  }

  /// Adds a batch. One whose records cannot be read has no answers, as in the index.
  package mutating func add(_ batch: RecordBatchCursor.Batch) {
    let header = batch.header
    if Self.isOutside(header, matcher.query) { return }
    if !wants(header.maxTimestamp) { return leaveOut() }
    let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: header.recordsByteCount)
    do throws(RecordBatchError) {
      let reader = try RecordBatchReader(batch.bytes, limit: limit)
      // The whole batch first: records in front of a damaged one do not count either.
      try reader.withCursor { (cursor) throws(RecordBatchError) in
        var views: [RecordView] = []
        while let record = try cursor.next() { views.append(record) }
        for record in views.reversed() { add(record, header) }
      }
    } catch {
      return
    }
  }

  private mutating func add(_ record: RecordView, _ header: RecordBatchHeader) {
    let time = header.timestamp(delta: record.timestampDelta)
    let offset = header.baseOffset &+ Int64(record.offsetDelta)
    if !isRanked, !best.wants(SearchRank(timestamp: time, offset: offset)) { return leaveOut() }
    guard let evaluation = matcher.evaluate(record, in: header) else { return }
    answer.total += 1
    let score = score(evaluation)
    let rank = SearchRank(score: score, timestamp: isRanked ? 0 : time, offset: offset)
    guard best.wants(rank) else { return }
    best.insert(FoundRecord(record: ArchivedRecord(record, in: header), score: score), rank)
  }

  private func score(_ evaluation: RecordMatcher.Evaluation) -> Double {
    guard isRanked else { return 0 }
    let norm = Norms.quantise(evaluation.tokenCount)
    return evaluation.frequencies.indices.reduce(0) {
      $0 + ranking.score($1, frequency: evaluation.frequencies[$1], norm: norm)
    }
  }

  package mutating func finish() -> SearchAnswer {
    answer.records = best.records
    answer.cut = best.cut
    if answer.isPartial { answer.totalIsExact = false }
    return answer
  }
}

/// Search of records that are not in an object yet.
public enum UnsealedSearch {
  /// The records in `batches` that answer `query`, by the same rules as in an object. `batches` are ranges of whole
  /// batches in offset order, borrowed for the call; `aborted` are the aborted transactions among them. `statistics`
  /// are for the order by relevance.
  ///
  /// Throws `damagedBatch` with the position in all ranges together.
  public static func run(
    _ query: Query, in batches: [UnsafeRawBufferPointer], aborted: [AbortedTransaction],
    statistics: CorpusStatistics = CorpusStatistics(), budget: SearchBudget = SearchBudget()
  ) throws(ArchiveError) -> SearchAnswer {
    var scan = RecordScan(RecordMatcher(query), statistics: statistics, hitByteCountMax: budget.hitByteCountMax)
    let aborted = AbortedRanges(aborted)
    var end = batches.reduce(0) { $0 + $1.count }
    var byteCount = 0
    for range in batches.reversed() {
      if budget.isExhausted() || byteCount > budget.byteCountMax {
        scan.answer.isPartial = true
        break
      }
      end -= range.count
      byteCount += range.count
      var cursor = RecordBatchCursor(range, check: .lengthOnly)
      do throws(RecordBatchError) {
        while let batch = try cursor.next() {
          if !batch.header.isControl, !aborted.contains(batch.header) { scan.add(batch) }
        }
      } catch {
        throw .damagedBatch(position: end + cursor.consumedByteCount, error)
      }
    }
    return scan.finish()
  }
}

extension CorpusStatistics {
  /// Adds the records of an unsealed batch, as an object that has them would count them. `isVisible` is false for
  /// batches of aborted transactions, which count as documents without words.
  package mutating func add(_ batch: RecordBatchCursor.Batch, isVisible: Bool, _ matcher: RecordMatcher) {
    let header = batch.header
    if header.isControl { return }
    documentCount += Int(header.recordCount)
    guard isVisible else { return }
    let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: header.recordsByteCount)
    var own = CorpusStatistics()
    do throws(RecordBatchError) {
      let reader = try RecordBatchReader(batch.bytes, limit: limit)
      try reader.withCursor { (cursor) throws(RecordBatchError) in
        while let record = try cursor.next() {
          let evaluation = matcher.measure(record)
          own.tokenCount += evaluation.tokenCount
          for (index, count) in evaluation.frequencies.enumerated() where count > 0 {
            own.documentFrequencies[matcher.tokens[index], default: 0] += 1
          }
        }
      }
    } catch {
      return
    }
    add(own)
  }
}
