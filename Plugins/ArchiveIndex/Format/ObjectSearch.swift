internal import KafkaRecords

/// Searches one object: the index proposes documents, the records decide.
///
/// `prepare` is the first round of reads (a dictionary block per term, the token counts if ranked), `run` the second
/// (long posting lists; none when all lists are in the dictionary) and the third (the frames of the first candidates),
/// and one more for every time that verification left too few. Between the two the caller may sum the statistics of
/// several objects. Records of aborted transactions are never found. Not for use by several threads.
public final class ObjectSearch<Source: RangeSource> {
  let reader: ArchiveReader<Source>
  let matcher: RecordMatcher
  private var places: [Term: TermPostings] = [:]
  private(set) var norms: [UInt8] = []
  private let plan: CandidatePlan
  private var own: CorpusStatistics?

  public init(_ reader: ArchiveReader<Source>, query: Query) {
    precondition(query.limit > 0)
    self.reader = reader
    matcher = RecordMatcher(query)
    let canUseWords = reader.footer.indexKind == .full
      && reader.footer.analyzer.version == ArchiveObject.analyzerVersion
    plan = CandidatePlan(query, words: canUseWords, keys: reader.footer.indexKind != .none)
  }

  /// True when the object's name or footer already says that no record can answer.
  public var isExcluded: Bool {
    let range = reader.footer.range
    if let offsets = matcher.query.offsets, !offsets.overlaps(range.baseOffset..<range.nextOffset) { return true }
    if let times = matcher.query.timestamps,
      times.upperBound <= range.minTimestamp || times.lowerBound > range.maxTimestamp
    {
      return true
    }
    guard let filter = reader.keyFilter else { return false }
    return matcher.query.clauses.contains { clause in
      guard clause.occurrence == .must, case .key(let key) = clause.condition else { return false }
      return !filter.mayContain(key: key)
    }
  }

  /// How often the query's words occur in this object. One round of reads.
  @discardableResult
  public func prepare() throws -> CorpusStatistics {
    let isRanked = matcher.query.order == .relevance
    (places, norms) = try reader.termPostings(
      plan.terms(ranked: isRanked, words: matcher.terms), withNorms: isRanked && plan.usesWords)
    var statistics = CorpusStatistics()
    statistics.documentCount = reader.footer.range.documentCount
    statistics.tokenCount = reader.footer.range.tokenCount
    for (token, term) in zip(matcher.tokens, matcher.terms) {
      if let place = places[term] { statistics.documentFrequencies[token] = place.documentFrequency }
    }
    own = statistics
    return statistics
  }

  /// The records that answer the query. `statistics` are those of all objects searched; they matter for the order by
  /// relevance only, nil takes this object's.
  public func run(_ statistics: CorpusStatistics? = nil, budget: SearchBudget = SearchBudget()) throws -> SearchAnswer {
    if isExcluded { return SearchAnswer() }
    let own = try own ?? prepare()
    let isRanked = matcher.query.order == .relevance
    guard plan.isUsable else {
      return try scan(Ranking(tokens: matcher.tokens, statistics: statistics ?? own), budget)
    }
    guard plan.mayMatch(places) else { return SearchAnswer() }
    let lists = try reader.load(plan.needed(places, ranked: isRanked, words: matcher.terms))
    let candidates = plan.candidates(lists)
    var verification = Verification(self, budget: budget, isExact: plan.isExact && !hasRange, count: candidates.count)
    if isRanked {
      let ranking = Ranking(tokens: matcher.tokens, statistics: statistics ?? own)
      var scored = ScoredDocuments(score(candidates, lists, ranking))
      return try verification.run {
        guard !scored.isEmpty else { return nil }
        let best = scored.removeFirst()
        return (Int(best.document), best.score)
      }
    }
    var end = candidates.count
    return try verification.run {
      guard end > 0 else { return nil }
      end -= 1
      return (Int(candidates[end]), 0)
    }
  }

  private var hasRange: Bool { matcher.query.offsets != nil || matcher.query.timestamps != nil }

  private func score(
    _ candidates: [UInt32], _ lists: [Term: PostingList], _ ranking: Ranking
  ) -> [ScoredDocuments.Element] {
    var scored = candidates.map { ScoredDocuments.Element(document: $0, score: 0) }
    for (index, term) in matcher.terms.enumerated() {
      guard let list = lists[term] else { continue }
      var position = 0
      for place in scored.indices {
        let document = scored[place].document
        while position < list.documents.count, list.documents[position] < document { position += 1 }
        guard position < list.documents.count else { break }
        if list.documents[position] == document {
          scored[place].score += ranking.score(
            index, frequency: Int(list.frequencies[position]), norm: norms[Int(document)])
        }
      }
    }
    return scored
  }

  /// Reads all frames that may have an answer: for objects, and queries, without a usable index.
  private func scan(_ ranking: Ranking, _ budget: SearchBudget) throws -> SearchAnswer {
    var scan = RecordScan(matcher, aborted: reader.footer.abortedTransactions, ranking: ranking)
    var byteCount = 0
    for index in reader.footer.frames.indices.reversed() where mayAnswer(frame: index) {
      if budget.isExhausted() || byteCount > budget.byteCountMax {
        scan.answer.isPartial = true
        break
      }
      let bytes = try reader.readFrames(index..<index + 1)[0]
      byteCount += bytes.count
      let content = try reader.content(ofFrame: index, bytes)
      try reader.forEachBatch(ofFrame: index, content) { batch in
        scan.add(batch)
        return true
      }
      scan.endPart()
      if scan.isFull { break }
    }
    return scan.finish()
  }

  /// False when no record of the frame lies in the query's ranges.
  func mayAnswer(frame index: Int) -> Bool {
    let frames = reader.footer.frames
    let next = index + 1 < frames.count ? frames[index + 1].firstOffset : reader.footer.range.nextOffset
    if let offsets = matcher.query.offsets, !offsets.overlaps(frames[index].firstOffset..<next) { return false }
    guard let times = matcher.query.timestamps else { return true }
    return times.upperBound > frames[index].minTimestamp && times.lowerBound <= frames[index].maxTimestamp
  }
}
