internal import KafkaRecords

/// Searches record batches one by one, without an index: unsealed bytes, and objects whose index is of no use.
struct RecordScan {
  private let matcher: RecordMatcher
  private let aborted: AbortedRanges
  private let ranking: Ranking
  private let isRanked: Bool
  var answer = SearchAnswer()
  /// Answers of the part being read, oldest first.
  private var part: [FoundRecord] = []

  init(_ matcher: RecordMatcher, aborted: [AbortedTransaction], ranking: Ranking) {
    self.matcher = matcher
    self.aborted = AbortedRanges(aborted)
    self.ranking = ranking
    isRanked = matcher.query.order == .relevance
  }

  /// True when older parts cannot change the answer.
  var isFull: Bool { !isRanked && answer.records.count >= matcher.query.limit }

  /// Adds a batch of the current part. One whose records cannot be read has no answers, as in the index.
  mutating func add(_ batch: RecordBatchCursor.Batch) {
    let header = batch.header
    if header.isControl || aborted.contains(header) || isOutside(header) { return }
    let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: header.recordsByteCount)
    let count = part.count
    do throws(RecordBatchError) {
      let reader = try RecordBatchReader(batch.bytes, limit: limit)
      try reader.withCursor { (cursor) throws(RecordBatchError) in
        while let record = try cursor.next() {
          guard let evaluation = matcher.evaluate(record, in: header) else { continue }
          part.append(FoundRecord(record: ArchivedRecord(record, in: header), score: score(evaluation)))
        }
      }
    } catch {
      part.removeLast(part.count - count)
    }
  }

  private func isOutside(_ header: RecordBatchHeader) -> Bool {
    guard let offsets = matcher.query.offsets else { return false }
    return header.lastOffset < offsets.lowerBound || header.baseOffset >= offsets.upperBound
  }

  private func score(_ evaluation: RecordMatcher.Evaluation) -> Double {
    guard isRanked else { return 0 }
    let norm = Norms.quantise(evaluation.tokenCount)
    return evaluation.frequencies.indices.reduce(0) {
      $0 + ranking.score($1, frequency: evaluation.frequencies[$1], norm: norm)
    }
  }

  /// The next part is older than this one.
  mutating func endPart() {
    answer.total += part.count
    answer.records += part.reversed()
    part.removeAll(keepingCapacity: true)
    let limit = matcher.query.limit
    if isRanked { sort() }
    if answer.records.count > limit {
      if !isRanked { answer.totalIsExact = false }
      answer.records.removeLast(answer.records.count - limit)
    }
  }

  private mutating func sort() {
    answer.records.sort { a, b in
      a.score != b.score ? a.score > b.score : a.record.offset > b.record.offset
    }
  }

  mutating func finish() -> SearchAnswer {
    if isFull || answer.isPartial { answer.totalIsExact = false }
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
    let matcher = RecordMatcher(query)
    var scan = RecordScan(matcher, aborted: aborted, ranking: Ranking(tokens: matcher.tokens, statistics: statistics))
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
        while let batch = try cursor.next() { scan.add(batch) }
      } catch {
        throw .damagedBatch(position: end + cursor.consumedByteCount, error)
      }
      scan.endPart()
      if scan.isFull { break }
    }
    return scan.finish()
  }
}
