internal import KafkaRecords

/// Collects the terms of a segment's records.
///
/// There are no posting buffers per term. One stream takes the number of every term of every document as it comes, a
/// second one the term's frequency in that document; at the end a counting sort turns both into posting lists in
/// dictionary order. A posting costs 10 bytes in all.
struct IndexBuilder: ~Copyable {
  var table: TermTable
  /// Term numbers, document after document.
  private(set) var stream: RawArray<UInt32>
  private(set) var frequencies: RawArray<UInt8>
  /// Where each document's part of the stream ends.
  private(set) var documentEnds = RawArray<UInt32>(capacity: 1 << 10)
  /// A byte per document, `Norms.quantise` of its token count.
  private(set) var norms = RawArray<UInt8>(capacity: 1 << 10)
  private(set) var tokenCount = 0
  /// Hashes of keys that share 40 bits with another key.
  private(set) var furtherKeyHashes: [UInt64] = []

  private var document: UInt32 = 0
  private var documentTokenCount = 0

  /// `byteCount` of text are about to come: JSON logs have a posting per 8 to 10 bytes and a new term per 150, so that
  /// memory seldom has to grow. What is not used is not touched.
  init(byteCount: Int) {
    table = TermTable(termCount: byteCount / 128)
    stream = RawArray(capacity: byteCount / 7)
    frequencies = RawArray(capacity: byteCount / 7)
  }

  var documentCount: Int { documentEnds.count }

  /// Where the builder stands, to come back to.
  struct Mark {
    fileprivate let document: Int
    fileprivate let stream: Int
    fileprivate let tokenCount: Int
    fileprivate let furtherKeyHashes: Int
  }

  var mark: Mark {
    Mark(
      document: documentEnds.count, stream: stream.count, tokenCount: tokenCount,
      furtherKeyHashes: furtherKeyHashes.count)
  }

  /// Forgets everything since `mark`. Terms stay in the table with the frequency they had then, perhaps 0.
  mutating func rollBack(to mark: Mark) {
    for position in mark.stream..<stream.count {
      let entry = table.entries.base + Int(stream.base[position])
      entry.pointee.documentFrequency -= 1
      entry.pointee.lastDocument = TermTable.noDocument
    }
    stream.truncate(to: mark.stream)
    frequencies.truncate(to: mark.stream)
    documentEnds.truncate(to: mark.document)
    norms.truncate(to: mark.document)
    tokenCount = mark.tokenCount
    furtherKeyHashes.removeLast(furtherKeyHashes.count - mark.furtherKeyHashes)
    document = UInt32(mark.document)
    documentTokenCount = 0
  }

  /// Adds terms of the current document, each counted as a token if `areTokens`. Collected first and added together,
  /// because a loop that only looks up terms waits for many cache misses at once.
  mutating func add(_ terms: UnsafePointer<Term>, count: Int, areTokens: Bool) {
    stream.reserve(count)
    frequencies.reserve(count)
    let numbers = stream.base
    let frequencies = self.frequencies.base
    let document = self.document
    var end = stream.count
    var view = table.view
    for index in 0..<count {
      let term = terms[index]
      let hash = TermTable.hash(term)
      var (number, slot) = view.find(term, hash)
      if number < 0 {
        number = table.insert(term, hash, at: slot)
        view = table.view
      }
      let entry = view.entries + number
      if entry.pointee.lastDocument == document {
        let frequency = frequencies + Int(entry.pointee.at)
        if frequency.pointee < ArchiveLimits.termFrequencyMax { frequency.pointee &+= 1 }
      } else {
        entry.pointee.lastDocument = document
        entry.pointee.documentFrequency &+= 1
        entry.pointee.at = UInt32(truncatingIfNeeded: end)
        numbers[end] = UInt32(truncatingIfNeeded: number)
        frequencies[end] = 1
        end &+= 1
      }
    }
    let added = end - stream.count
    stream.commit(added)
    self.frequencies.commit(added)
    if areTokens { documentTokenCount += count }
  }

  /// The exact key of the current document.
  mutating func add(key: UnsafeRawBufferPointer) {
    let hash = H64.hash(key)
    let before = table.entries.count
    let number = table.number(of: Term(keyHash: hash))
    let entry = table.entries.base + number
    let high = UInt32(hash >> 40)
    if number == before || entry.pointee.documentFrequency == 0 {
      entry.pointee.keyHashHigh = high
    } else if entry.pointee.keyHashHigh != high {
      furtherKeyHashes.append(hash)
    }
    withUnsafePointer(to: Term(keyHash: hash)) { add($0, count: 1, areTokens: false) }
  }

  mutating func endDocument() {
    norms.append(Norms.quantise(documentTokenCount))
    tokenCount += documentTokenCount
    documentTokenCount = 0
    documentEnds.append(UInt32(truncatingIfNeeded: stream.count))
    document += 1
  }

  /// Documents without a term.
  mutating func addUnindexedDocuments(_ count: Int) {
    for _ in 0..<count { endDocument() }
  }

  /// Gives back what the counting sort has read.
  mutating func releaseStreams() {
    stream = RawArray(capacity: 0)
    frequencies = RawArray(capacity: 0)
    documentEnds = RawArray(capacity: 0)
  }

  /// The hashes of all keys in the index; one may occur twice.
  func keyHashes(order: [UInt32]) -> [UInt64] {
    var hashes = furtherKeyHashes
    for number in order {
      let entry = table.entries.base[Int(number)]
      // Exact keys stand before all tokens.
      guard entry.term.isKey else { break }
      hashes.append(UInt64(entry.keyHashHigh) << 40 | entry.term.keyHashLow40)
    }
    return hashes
  }
}

/// What of the records is indexed.
public enum IndexKind: String, Sendable, Equatable, CaseIterable {
  /// Exact keys, and all words of keys, values and header values.
  case full
  /// Exact keys.
  case keys
  case none
}

/// Feeds records to an `IndexBuilder`.
struct RecordIndexer: ~Copyable, TokenSink {
  var builder: IndexBuilder
  private let lexer = Lexer()
  private let kind: IndexKind
  /// Of the record being read.
  private var terms = RawArray<Term>(capacity: 4096)

  init(kind: IndexKind, byteCount: Int) {
    self.kind = kind
    builder = IndexBuilder(byteCount: kind == .full ? byteCount : 0)
  }

  @inline(__always)
  mutating func take(token: UnsafePointer<UInt8>, count: Int) {
    terms.append(Term(token: token, count: count))
  }

  /// Adds `record` as the next document.
  mutating func add(_ record: RecordView) {
    if let key = record.key { builder.add(key: key) }
    if kind == .full {
      if let key = record.key { lexer.lex(key, into: &self) }
      if let value = record.value { lexer.lex(value, into: &self) }
      for header in record.headers { if let value = header.value { lexer.lex(value, into: &self) } }
      builder.add(terms.base, count: terms.count, areTokens: true)
      terms.truncate(to: 0)
    }
    builder.endDocument()
  }
}
