internal import KafkaRecords

/// Takes candidates in the order of the answer, reads their frames and keeps the records that answer the query, until
/// there are as many as wanted.
struct Verification<Source: RangeSource> {
  private let search: ObjectSearch<Source>
  private let budget: SearchBudget
  private var answer = SearchAnswer()
  private let isExact: Bool
  private let candidateCount: Int
  private var byteCount = 0
  /// Frames of the round before, because the next candidate is often in one of them.
  private var contents: [Int: [UInt8]] = [:]

  init(_ search: ObjectSearch<Source>, budget: SearchBudget, isExact: Bool, count: Int) {
    self.search = search
    self.budget = budget
    self.isExact = isExact
    candidateCount = count
  }

  /// `next` gives the next candidate and its score.
  mutating func run(_ next: () -> (document: Int, score: Double)?) throws -> SearchAnswer {
    let limit = search.matcher.query.limit
    var isAtEnd = false
    // Refills double, so that a phrase that hardly ever holds does not cost a round per record.
    var wanted = limit
    while answer.records.count < limit, !isAtEnd {
      var round: [(document: Int, score: Double, frame: Int)] = []
      var frames = Set<Int>()
      while round.count < wanted, frames.count < ArchiveLimits.searchFrameCountMax {
        guard let candidate = next() else {
          isAtEnd = true
          break
        }
        let frame = search.reader.frameIndex(ofDocument: candidate.document)
        guard search.mayAnswer(frame: frame) else { continue }
        round.append((candidate.document, candidate.score, frame))
        frames.insert(frame)
      }
      if round.isEmpty { break }
      guard !budget.isExhausted(), byteCount <= budget.byteCountMax else {
        answer.isPartial = true
        isAtEnd = false
        break
      }
      try load(frames.sorted())
      try verify(round, limit: limit)
      wanted = min(2 * wanted, 1 << 16)
    }
    answer.total = isExact ? candidateCount : answer.total
    answer.totalIsExact = isExact || (isAtEnd && answer.records.count < limit)
    return answer
  }

  private mutating func load(_ frames: [Int]) throws {
    contents = contents.filter { frames.contains($0.key) }
    let missing = frames.filter { contents[$0] == nil }
    let bytes = try search.reader.source.checkedRead(missing.map { search.reader.footer.frames[$0].bytes })
    for (frame, bytes) in zip(missing, bytes) {
      byteCount += bytes.count
      contents[frame] = try search.reader.content(ofFrame: frame, bytes)
    }
  }

  private mutating func verify(_ round: [(document: Int, score: Double, frame: Int)], limit: Int) throws {
    var found: [Int: ArchivedRecord] = [:]
    for (frame, candidates) in Dictionary(grouping: round, by: \.frame) {
      let documents = candidates.map(\.document).sorted()
      try search.reader.forEachDocument(documents, ofFrame: frame, content: contents[frame]!) {
        document, record, header in
        if search.matcher.evaluate(record, in: header) != nil { found[document] = ArchivedRecord(record, in: header) }
      }
    }
    for candidate in round {
      guard let record = found[candidate.document] else { continue }
      answer.total += 1
      if answer.records.count < limit { answer.records.append(FoundRecord(record: record, score: candidate.score)) }
    }
  }
}
