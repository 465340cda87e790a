internal import KafkaRecords

/// Newest first: reads the frames that have candidates, those with the latest records first, and keeps the newest
/// records that answer the query. A frame whose latest record is older than the last one wanted ends it, which is soon
/// when records lie in the log about in the order of their times.
struct NewestVerification<Source: RangeSource> {
  private let search: ObjectSearch<Source>
  private let budget: SearchBudget
  private let isExact: Bool
  private var best: BestRecords
  private var answer = SearchAnswer()
  private var byteCount = 0
  /// True when a candidate was passed over because later records were found.
  private var hasSkipped = false

  /// The candidates of one frame.
  private struct Group {
    var frame: Int
    var documents: Range<Int>
  }

  init(_ search: ObjectSearch<Source>, budget: SearchBudget, isExact: Bool) {
    self.search = search
    self.budget = budget
    self.isExact = isExact
    best = BestRecords(limit: search.matcher.query.limit, byteCountMax: budget.hitByteCountMax)
  }

  private var frames: [Footer.Frame] { search.reader.footer.frames }

  /// `candidates` ascend.
  mutating func run(_ candidates: [UInt32]) throws -> SearchAnswer {
    let documents = Self.documents(candidates, frames)
    let groups = search.framesByTime(documents.keys.filter(search.mayAnswer(frame:)))
      .map { Group(frame: $0, documents: documents[$0]!) }
    var next = 0
    var round = 0
    while next < groups.count {
      if isDecided(before: groups[next]) {
        hasSkipped = true
        break
      }
      guard !budget.isExhausted(), byteCount <= budget.byteCountMax else {
        answer.isPartial = true
        break
      }
      let count = countOfRound(groups[next...], round)
      try verify(groups[next..<next + count], candidates)
      next += count
      round += 1
    }
    answer.records = best.records
    answer.cut = best.cut
    answer.totalIsExact = isExact || !(answer.isPartial || hasSkipped || best.cut != nil)
    if isExact { answer.total = candidates.count }
    return answer
  }

  /// The places in `candidates` of the documents of every frame that has any.
  private static func documents(_ candidates: [UInt32], _ frames: [Footer.Frame]) -> [Int: Range<Int>] {
    var result: [Int: Range<Int>] = [:]
    var start = 0
    for index in frames.indices where start < candidates.count {
      let end = index + 1 < frames.count ? frames[index + 1].firstDocument : Int.max
      if Int(candidates[start]) >= end { continue }
      let next = candidates[start...].partitioningIndex { Int($0) >= end }
      result[index] = start..<next
      start = next
    }
    return result
  }

  /// True when nothing in `group` or behind it is wanted.
  private func isDecided(before group: Group) -> Bool {
    let latest = frames[group.frame].maxTimestamp
    let floor = max(best.floor ?? .min, budget.floor() ?? .min)
    return latest < floor
  }

  /// How many groups to read together: as many as will probably do. Where every candidate answers, that is enough of
  /// them and the frames that may have a later record than those.
  private func countOfRound(_ groups: ArraySlice<Group>, _ round: Int) -> Int {
    let missing = max(1, search.matcher.query.limit - best.ranks.count)
    var wanted = missing
    if !isExact { wanted = max(64 * missing, 512) }
    if round > 0 { wanted = .max }
    let byteCountMax = round == 0 ? ArchiveLimits.searchRoundByteCountMax : ArchiveLimits.searchRefillByteCountMax
    var byteCount = 0
    var documentCount = 0
    var earliest = Int64.max
    var count = 0
    for group in groups {
      let frame = frames[group.frame]
      if byteCount >= byteCountMax { break }
      if documentCount >= wanted, frame.maxTimestamp <= earliest || !isExact { break }
      if count > 0, isDecided(before: group) { break }
      byteCount += frame.compressedByteCount
      count += 1
      guard search.isCovered(frame: group.frame) else { continue }
      documentCount += group.documents.count
      earliest = min(earliest, frame.minTimestamp)
    }
    return count
  }

  private mutating func verify(_ groups: ArraySlice<Group>, _ candidates: [UInt32]) throws {
    let answers = try search.reader.source.checkedRead(groups.map { frames[$0.frame].bytes })
    byteCount += answers.reduce(0) { $0 + $1.count }
    for (group, bytes) in zip(groups, answers) {
      if isDecided(before: group) {
        hasSkipped = true
        return
      }
      try verify(group, search.reader.content(ofFrame: group.frame, bytes), candidates)
    }
  }

  private mutating func verify(_ group: Group, _ content: [UInt8], _ candidates: [UInt32]) throws {
    let position = frames[group.frame].position
    try content.withBytes { content in
      var batches: [(RecordBatchCursor.Batch, firstDocument: Int, candidates: Range<Int>)] = []
      var first = frames[group.frame].firstDocument
      var rest = group.documents
      try search.reader.forEachBatch(ofFrame: group.frame, content) { batch in
        if batch.header.isControl { return true }
        let end = first + Int(batch.header.recordCount)
        let next = candidates[rest].partitioningIndex { Int($0) >= end }
        if next > rest.lowerBound { batches.append((batch, first, rest.lowerBound..<next)) }
        rest = next..<rest.upperBound
        first = end
        return true
      }
      guard rest.isEmpty else { throw ArchiveError.corrupt(.dictionary, position: position) }
      for (batch, first, range) in batches.reversed() {
        do throws(RecordBatchError) {
          try verify(batch, firstDocument: first, candidates[range])
        } catch {
          // The index names only documents of batches that the writer could decode.
          throw ArchiveError.corrupt(.batch, position: position)
        }
      }
    }
  }

  private mutating func verify(
    _ batch: RecordBatchCursor.Batch, firstDocument: Int, _ candidates: ArraySlice<UInt32>
  ) throws(RecordBatchError) {
    let header = batch.header
    let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: header.recordsByteCount)
    let reader = try RecordBatchReader(batch.bytes, limit: limit)
    try reader.withCursor { (cursor) throws(RecordBatchError) in
      var views: [RecordView] = []
      var document = firstDocument
      var rest = candidates
      while let wanted = rest.first, let record = try cursor.next() {
        if document == Int(wanted) {
          views.append(record)
          rest.removeFirst()
        }
        document += 1
      }
      for record in views.reversed() { take(record, header) }
    }
  }

  private mutating func take(_ record: RecordView, _ header: RecordBatchHeader) {
    let time = header.timestamp(delta: record.timestampDelta)
    let rank = SearchRank(timestamp: time, offset: header.baseOffset &+ Int64(record.offsetDelta))
    guard best.wants(rank), budget.floor().map({ time >= $0 }) ?? true else {
      hasSkipped = true
      return
    }
    guard search.matcher.evaluate(record, in: header) != nil else { return }
    answer.total += 1
    best.insert(FoundRecord(record: ArchivedRecord(record, in: header), score: 0), rank)
  }
}
