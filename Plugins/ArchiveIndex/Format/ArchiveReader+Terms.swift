public import KafkaRecords

/// The newest record of a key.
public enum KeyLookup: Sendable, Equatable {
  /// The object has no record with this key.
  case absent
  /// The last record with this key; a null value in it means the key was deleted.
  case found(ArchivedRecord)
}

/// A copy of a record in an object.
public struct ArchivedRecord: Sendable, Equatable {
  public var offset: Int64
  /// Milliseconds since 1970.
  public var timestamp: Int64
  public var key: [UInt8]?
  /// Nil for a tombstone.
  public var value: [UInt8]?
  public var headers: [RecordHeader]
  /// True when the timestamp is the broker's, not the producer's.
  public var hasAppendTime: Bool

  init(_ record: RecordView, in header: RecordBatchHeader) {
    hasAppendTime = header.timestampType == .logAppendTime
    offset = header.baseOffset &+ Int64(record.offsetDelta)
    timestamp = header.timestamp(delta: record.timestampDelta)
    key = record.key.map { [UInt8]($0) }
    value = record.value.map { [UInt8]($0) }
    headers = record.headers.map { RecordHeader(key: [UInt8]($0.key), value: $0.value.map { [UInt8]($0) }) }
  }
}

extension ArchiveReader {
  /// Checks that the object has an index this code can use.
  func requireIndex(_ kind: IndexKind) throws(ArchiveError) {
    guard footer.sections[.dictionary] != nil, kind == .keys || footer.indexKind == .full else { throw .notIndexed }
    guard kind == .keys || footer.analyzer.version == ArchiveObject.analyzerVersion else {
      throw .unsupportedAnalyzer(footer.analyzer.version)
    }
  }

  /// The block that has `term` if any has, and its bytes in the object.
  func dictionaryBlock(of term: Term) -> Range<Int>? {
    guard let dictionary = footer.sections[.dictionary], !footer.termIndex.blocks.isEmpty else { return nil }
    let blocks = footer.termIndex.blocks
    let index = max(0, blocks.partitioningIndex { $0.separator.withBytes { Term(bytes: $0) } > term } - 1)
    let start = blocks[..<index].reduce(dictionary.lowerBound) { $0 + $1.byteCount }
    return start..<start + blocks[index].byteCount
  }

  /// Where the postings of every term are; terms that do not occur are left out. One round of reads; with `norms`,
  /// those are read in the same round.
  func termPostings(_ terms: Set<Term>, withNorms: Bool = false) throws -> ([Term: TermPostings], norms: [UInt8]) {
    var termsByBlock: [Range<Int>: [Term]] = [:]
    for term in terms { if let block = dictionaryBlock(of: term) { termsByBlock[block, default: []].append(term) } }
    let blocks = termsByBlock.keys.sorted { $0.lowerBound < $1.lowerBound }
    let normRange = withNorms ? footer.sections[.norms] : nil
    let answers = try source.checkedRead(blocks + (normRange.map { [$0] } ?? []))
    var result: [Term: TermPostings] = [:]
    for (range, bytes) in zip(blocks, answers) {
      do throws(InputDefect) {
        try bytes.withBytes { (bytes) throws(InputDefect) in
          let block = try DictionaryBlock(
            bytes, documentCount: footer.range.documentCount, decompressor: decompressor)
          for term in termsByBlock[range]! { result[term] = try block.find(term) }
        }
      } catch {
        throw ArchiveError.corrupt(.dictionary, position: range.lowerBound)
      }
    }
    guard let normRange else { return (result, []) }
    return (result, try norms(answers[answers.count - 1], position: normRange.lowerBound))
  }

  private func norms(_ bytes: [UInt8], position: Int) throws(ArchiveError) -> [UInt8] {
    let count = footer.range.documentCount
    guard let norms = bytes.withBytes({ decompressor.content(of: $0, byteCount: count) }) else {
      throw .corrupt(.norms, position: position)
    }
    return norms
  }

  /// The posting lists themselves; one round of reads if any list is long, else none.
  func load(_ postings: [Term: TermPostings]) throws -> [Term: PostingList] {
    var lists: [Term: PostingList] = [:]
    var long: [(term: Term, count: Int, bytes: Range<Int>)] = []
    let section = footer.sections[.postings] ?? 0..<0
    for (term, place) in postings {
      switch place {
      case .inline(let list): lists[term] = list
      case .long(let count, let bytes):
        guard bytes.upperBound <= section.count, !bytes.isEmpty else {
          throw ArchiveError.corrupt(.dictionary, position: section.lowerBound)
        }
        let start = section.lowerBound + bytes.lowerBound
        long.append((term, count, start..<start + bytes.count))
      }
    }
    long.sort { $0.bytes.lowerBound < $1.bytes.lowerBound }
    for (item, bytes) in zip(long, try source.checkedRead(long.map(\.bytes))) {
      do throws(InputDefect) {
        lists[item.term] = try bytes.withBytes { (bytes) throws(InputDefect) in
          try PostingCoder.decodeLong(bytes, count: item.count, documentCount: footer.range.documentCount)
        }
      } catch {
        throw ArchiveError.corrupt(.postings, position: item.bytes.lowerBound)
      }
    }
    return lists
  }

  /// The documents with a word: `token` as the lexer would give it, folded. Exact for tokens of up to 16 bytes, a
  /// superset by accident (one in four billion) for longer ones. Nil when no document has it. At most two rounds.
  public func postings(token: [UInt8]) throws -> PostingList? {
    precondition(!token.isEmpty)
    try requireIndex(.full)
    let padded = token + [UInt8](repeating: 0, count: Term.byteCountMax)
    let term = padded.withUnsafeBufferPointer { Term(token: $0.baseAddress!, count: token.count) }
    let (places, _) = try termPostings([term])
    return try load(places)[term]
  }

  /// The last record with this key in the object. No read when the key filter excludes it, else a dictionary block, the
  /// posting list if the key has 128 records or more, and the frame.
  ///
  /// Records of aborted transactions do not count. Throws `notIndexed`, `corrupt` or what the source throws.
  public func lookup(key: [UInt8]) throws -> KeyLookup {
    try requireIndex(.keys)
    let hash = key.withBytes { H64.hash($0) }
    if let keyFilter, !keyFilter.mayContain(hash: hash) { return .absent }
    let term = Term(keyHash: hash)
    let (places, _) = try termPostings([term])
    guard let list = try load(places)[term] else { return .absent }
    // Another key with the same 40 bits may stand in between.
    for document in list.documents.reversed() {
      var found: ArchivedRecord?
      try forEachDocument([Int(document)], ofFrame: frameIndex(ofDocument: Int(document))) { _, record, header in
        if let candidate = record.key, candidate.elementsEqual(key) { found = ArchivedRecord(record, in: header) }
      }
      if let found { return .found(found) }
    }
    return .absent
  }

  /// Reads frame `index` and calls `body` for each of its `documents`, which ascend.
  func forEachDocument(
    _ documents: [Int], ofFrame index: Int, _ body: (Int, RecordView, RecordBatchHeader) throws -> Void
  ) throws {
    let content = try content(ofFrame: index, readFrames(index..<index + 1)[0])
    try forEachDocument(documents, ofFrame: index, content: content, body)
  }

  /// Calls `body` for each of the `documents`, which ascend, of a frame's content. Batches without any are not decoded.
  func forEachDocument(
    _ documents: [Int], ofFrame index: Int, content: [UInt8],
    _ body: (Int, RecordView, RecordBatchHeader) throws -> Void
  ) throws {
    let position = footer.frames[index].position
    var rest = documents[...]
    var first = footer.frames[index].firstDocument
    try forEachBatch(ofFrame: index, content) { batch in
      guard let next = rest.first else { return false }
      if batch.header.isControl { return true }
      let end = first + Int(batch.header.recordCount)
      defer { first = end }
      if next >= end { return true }
      let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: batch.header.recordsByteCount)
      do {
        let reader = try RecordBatchReader(batch.bytes, limit: limit)
        try reader.withCursor { cursor in
          var document = first
          while let wanted = rest.first, wanted < end, let record = try cursor.next() {
            if document == wanted {
              try body(document, record, batch.header)
              rest.removeFirst()
            }
            document += 1
          }
        }
      } catch is RecordBatchError {
        // The index names only documents of batches that the writer could decode.
        throw ArchiveError.corrupt(.batch, position: position)
      }
      return true
    }
    guard rest.isEmpty else { throw ArchiveError.corrupt(.dictionary, position: position) }
  }
}
