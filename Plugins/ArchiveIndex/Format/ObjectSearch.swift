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
    var range = reader.footer.range
    range.minTimestamp = reader.earliest(range.minTimestamp)
    matcher = RecordMatcher(query.restricted(to: range))
    let canUseWords = reader.footer.indexKind == .full
      && reader.footer.analyzer.version == ArchiveObject.analyzerVersion
    plan = CandidatePlan(query, words: canUseWords, keys: reader.footer.indexKind != .none)
  }

  /// True when the object's name or footer already says that no record can answer.
  public var isExcluded: Bool {
    let range = reader.footer.range
    if let offsets = matcher.query.offsets, !offsets.overlaps(range.baseOffset..<range.nextOffset) { return true }
    if let times = matcher.query.timestamps,
      times.upperBound <= reader.earliest(range.minTimestamp) || times.lowerBound > range.maxTimestamp
    {
      return true
    }
    if let behind = matcher.query.behind, behind.timestamp < reader.earliest(range.minTimestamp) { return true }
    guard let filter = reader.keyFilter else { return false }
    return matcher.query.clauses.contains { clause in
      guard clause.occurrence == .must, case .key(let key) = clause.condition else { return false }
      return !filter.mayContain(key: key)
    }
  }

  /// False when the object has no index of words, so that its statistics say nothing about them.
  public var hasWords: Bool { plan.usesWords }

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
    let isExact = plan.isExact && !hasRange
    guard isRanked else {
      var verification = NewestVerification(self, budget: budget, isExact: isExact)
      return try verification.run(candidates)
    }
    var verification = Verification(self, budget: budget, isExact: isExact, count: candidates.count)
    let ranking = Ranking(tokens: matcher.tokens, statistics: statistics ?? own)
    var scored = ScoredDocuments(score(candidates, lists, ranking))
    return try verification.run {
      guard !scored.isEmpty else { return nil }
      let best = scored.removeFirst()
      return (Int(best.document), best.score)
    }
  }

  private var hasRange: Bool {
    matcher.query.offsets != nil || matcher.query.timestamps != nil || matcher.query.behind != nil
  }

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
    var scan = RecordScan(matcher, ranking: ranking, hitByteCountMax: budget.hitByteCountMax)
    let aborted = AbortedRanges(reader.footer.abortedTransactions)
    var byteCount = 0
    var rest = framesByTime(reader.footer.frames.indices.filter(mayAnswer(frame:)))[...]
    while let first = rest.first {
      let latest = reader.footer.frames[first].maxTimestamp
      if !scan.wants(latest) || budget.floor().map({ latest < $0 }) ?? false {
        scan.answer.totalIsExact = false
        break
      }
      if budget.isExhausted() || byteCount > budget.byteCountMax {
        scan.answer.isPartial = true
        break
      }
      var round: [Int] = []
      var roundByteCount = 0
      while let frame = rest.first, round.isEmpty || roundByteCount < ArchiveLimits.scanRoundByteCount {
        round.append(frame)
        roundByteCount += reader.footer.frames[frame].compressedByteCount
        rest.removeFirst()
      }
      byteCount += roundByteCount
      let answers = try reader.source.checkedRead(round.map { reader.footer.frames[$0].bytes })
      for (frame, bytes) in zip(round, answers) {
        let content = try reader.content(ofFrame: frame, bytes)
        try reader.forEachBatch(ofFrame: frame, content) { batch in
          if !batch.header.isControl, !aborted.contains(batch.header) { scan.add(batch) }
          return true
        }
      }
    }
    return scan.finish()
  }

  /// The frames, those with the latest records first.
  func framesByTime(_ frames: [Int]) -> [Int] {
    let all = reader.footer.frames
    return frames.sorted { a, b in
      all[a].maxTimestamp != all[b].maxTimestamp ? all[a].maxTimestamp > all[b].maxTimestamp : a > b
    }
  }

  /// False when no record of the frame lies in the query's ranges.
  func mayAnswer(frame index: Int) -> Bool {
    let frames = reader.footer.frames
    let next = index + 1 < frames.count ? frames[index + 1].firstOffset : reader.footer.range.nextOffset
    if let offsets = matcher.query.offsets, !offsets.overlaps(frames[index].firstOffset..<next) { return false }
    if let behind = matcher.query.behind, behind.timestamp < reader.earliest(frames[index].minTimestamp) {
      return false
    }
    guard let times = matcher.query.timestamps else { return true }
    return times.upperBound > reader.earliest(frames[index].minTimestamp)
      && times.lowerBound <= frames[index].maxTimestamp
  }

  /// True when every record of the frame lies in the query's ranges.
  func isCovered(frame index: Int) -> Bool {
    let frames = reader.footer.frames
    let next = index + 1 < frames.count ? frames[index + 1].firstOffset : reader.footer.range.nextOffset
    if let offsets = matcher.query.offsets,
      offsets.lowerBound > frames[index].firstOffset || offsets.upperBound < next
    {
      return false
    }
    if let behind = matcher.query.behind, behind.timestamp <= frames[index].maxTimestamp { return false }
    guard let times = matcher.query.timestamps else { return true }
    return times.lowerBound <= reader.earliest(frames[index].minTimestamp)
      && times.upperBound > frames[index].maxTimestamp
  }
}

extension ArchiveReader {
  /// No record is older than this, where the footer says `timestamp`: an object without an index was written without
  /// looking at its records, and a batch's header does not know its earliest one.
  func earliest(_ timestamp: Int64) -> Int64 { footer.indexKind == .none ? .min : timestamp }
}

extension Query {
  /// The same query for records in `range`, without the conditions that all of those meet.
  func restricted(to range: Footer.OffsetRange) -> Query {
    var query = self
    if let offsets, offsets.lowerBound <= range.baseOffset, offsets.upperBound >= range.nextOffset {
      query.offsets = nil
    }
    if let timestamps, timestamps.lowerBound <= range.minTimestamp, timestamps.upperBound > range.maxTimestamp {
      query.timestamps = nil
    }
    if let behind, behind.timestamp > range.maxTimestamp { query.behind = nil }
    return query
  }
}
