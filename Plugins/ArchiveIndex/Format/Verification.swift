internal import KafkaRecords

/// By relevance: takes candidates in the order of the answer, reads their frames and keeps the records that answer the
/// query, until there are as many as wanted.
struct Verification<Source: RangeSource> {
  private let search: ObjectSearch<Source>
  private let budget: SearchBudget
  private var answer = SearchAnswer()
  private let isExact: Bool
  private let candidateCount: Int
  private var byteCount = 0
  private var best: BestRecords
  /// Frames of the round before, because the next candidate is often in one of them.
  private var contents: [Int: [UInt8]] = [:]
  /// Frames of this round that were not looked into yet.
  private var bytes: [Int: [UInt8]] = [:]

  private typealias Candidate = (document: Int, score: Double, frame: Int)

  init(_ search: ObjectSearch<Source>, budget: SearchBudget, isExact: Bool, count: Int) {
    self.search = search
    self.budget = budget
    self.isExact = isExact
    candidateCount = count
    best = BestRecords(limit: search.matcher.query.limit, byteCountMax: budget.hitByteCountMax)
  }

  /// `next` gives the next candidate and its score.
  mutating func run(_ next: () -> (document: Int, score: Double)?) throws -> SearchAnswer {
    let limit = search.matcher.query.limit
    var isAtEnd = false
    // When not every candidate answers, many more than wanted are taken, and with every refill again: a phrase that
    // hardly ever holds shall not cost round after round.
    var wanted = isExact ? limit : max(64 * limit, 512)
    var byteCountMax = ArchiveLimits.searchRoundByteCountMax
    while answer.total < limit, best.cut == nil, !isAtEnd {
      var round: [Candidate] = []
      var frames = Set<Int>()
      var roundByteCount = 0
      while round.count < wanted, roundByteCount < byteCountMax, frames.count < ArchiveLimits.searchFrameCountMax {
        guard let candidate = next() else {
          isAtEnd = true
          break
        }
        let frame = search.reader.frameIndex(ofDocument: candidate.document)
        guard search.mayAnswer(frame: frame) else { continue }
        round.append((candidate.document, candidate.score, frame))
        if frames.insert(frame).inserted {
          roundByteCount += search.reader.footer.frames[frame].compressedByteCount
        }
      }
      if round.isEmpty { break }
      guard !budget.isExhausted(), byteCount <= budget.byteCountMax else {
        answer.isPartial = true
        isAtEnd = false
        break
      }
      try load(frames.sorted())
      isAtEnd = try verify(round, limit: limit) && isAtEnd
      wanted = min(8 * wanted, 1 << 16)
      byteCountMax = ArchiveLimits.searchRefillByteCountMax
    }
    answer.totalIsExact = isExact || (isAtEnd && best.cut == nil)
    answer.total = isExact ? candidateCount : answer.total
    answer.records = best.records
    answer.cut = best.cut
    return answer
  }

  private mutating func load(_ frames: [Int]) throws {
    contents = contents.filter { frames.contains($0.key) }
    let missing = frames.filter { contents[$0] == nil }
    let answers = try search.reader.source.checkedRead(missing.map { search.reader.footer.frames[$0].bytes })
    bytes = [:]
    for (frame, answer) in zip(missing, answers) {
      byteCount += answer.count
      bytes[frame] = answer
    }
  }

  private mutating func content(_ frame: Int) throws -> [UInt8] {
    if let content = contents[frame] { return content }
    let content = try search.reader.content(ofFrame: frame, bytes.removeValue(forKey: frame)!)
    contents[frame] = content
    return content
  }

  /// Takes a few candidates at a time, because frames are read ahead but need not all be looked into. False when some
  /// were left.
  private mutating func verify(_ round: [Candidate], limit: Int) throws -> Bool {
    var rest = round[...]
    while !rest.isEmpty {
      if answer.total >= limit || best.cut != nil { return false }
      try verify(Array(rest.prefix(max(limit, 16))))
      rest = rest.dropFirst(max(limit, 16))
    }
    return true
  }

  private mutating func verify(_ candidates: [Candidate]) throws {
    var found: [Int: ArchivedRecord] = [:]
    for (frame, group) in Dictionary(grouping: candidates, by: \.frame) {
      let documents = group.map(\.document).sorted()
      try search.reader.forEachDocument(documents, ofFrame: frame, content: content(frame)) {
        document, record, header in
        if search.matcher.evaluate(record, in: header) != nil { found[document] = ArchivedRecord(record, in: header) }
      }
    }
    for candidate in candidates {
      guard let record = found[candidate.document] else { continue }
      answer.total += 1
      let hit = FoundRecord(record: record, score: candidate.score)
      best.insert(hit, SearchRank(hit, .relevance))
    }
  }
}
