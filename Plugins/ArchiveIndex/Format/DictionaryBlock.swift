// A dictionary block: one zstd frame (level 1, checksum), its content at least 16 KiB except for the last:
//
//   vi n ; vi post_base (where in POST this block's first long list starts) ; vi suffix_bytes ; vi meta_bytes ;
//   vi single_bytes
//   n × u8         shared << 4 | (suffix_len − 1); shared with the term before, 0 for the first
//   [suffix_bytes] suffixes
//   [meta_bytes]   per term: vi df ; if df ≥ 128: vi list_bytes, checksum included
//   [single_bytes] terms with df = 1: the document in W = bit length of (docs − 1) bits, lowest first; tf is taken as 1
//   rest           terms with 2 ≤ df < 128: short lists, PostingList.swift

/// Where the postings of a term are.
enum TermPostings: Equatable {
  case inline(PostingList)
  /// Bytes of POST, counted from its start.
  case long(count: Int, bytes: Range<Int>)

  var documentFrequency: Int {
    switch self {
    case .inline(let list): list.documents.count
    case .long(let count, _): count
    }
  }
}

/// Writes POST and DICT, term by term in order.
struct DictionaryWriter: ~Copyable {
  private let post: ByteOutput
  private let postStart: Int
  /// DICT as it will stand behind POST.
  let blocks = ByteOutput(capacity: 1 << 16)
  private(set) var index: [TermIndexEntry] = []
  private(set) var termCount = 0

  private let compressor = FrameCompressor(level: 1)
  private let documentBits: Int
  private let heads = ByteOutput()
  private let suffixes = ByteOutput()
  private let meta = ByteOutput()
  private let singles = ByteOutput()
  private let shorts = ByteOutput()
  private let content = ByteOutput(capacity: 1 << 15)
  private let scratch = ByteOutput(capacity: 1 << 15)
  private var count = 0
  private var postBase = 0
  private var pendingBits: UInt64 = 0
  private var pendingBitCount = 0
  private var previous = Term(high: 0, low: 0)
  private var separator: [UInt8] = []

  /// Long lists are appended to `post`, whose end is the start of POST.
  init(post: ByteOutput, documentCount: Int) {
    self.post = post
    postStart = post.count
    documentBits = Self.bits(documentCount: documentCount)
  }

  /// Bits that name a document.
  static func bits(documentCount: Int) -> Int {
    documentCount <= 1 ? 0 : 64 - UInt64(documentCount - 1).leadingZeroBitCount
  }

  mutating func add(
    _ term: Term, _ documents: UnsafePointer<UInt32>, _ frequencies: UnsafePointer<UInt8>, count postingCount: Int
  ) {
    precondition(termCount == 0 || previous < term, "terms out of order")
    var shared = 0
    if count > 0 {
      // A hash may begin with zeros, which the term before seems to share where it has ended already.
      shared = min(previous.sharedByteCount(with: term), previous.byteCount)
    } else {
      postBase = post.count - postStart
      let needed = termCount == 0 ? 0 : previous.sharedByteCount(with: term) + 1
      separator = (0..<needed).map { term.byte($0) }
    }
    let byteCount = term.byteCount
    precondition(shared < byteCount, "a term is its predecessor's prefix")
    heads.append(UInt8(shared << 4 | (byteCount - shared - 1)))
    for index in shared..<byteCount { suffixes.append(term.byte(index)) }
    meta.append(vi: postingCount)
    if postingCount >= ArchiveObject.longListCount {
      let start = post.count
      PostingCoder.encodeLong(documents, frequencies, count: postingCount, to: post, scratch: scratch)
      meta.append(vi: post.count - start)
    } else if postingCount == 1 {
      append(single: documents[0])
    } else {
      PostingCoder.encodeShort(documents, frequencies, count: postingCount, to: shorts)
    }
    previous = term
    count += 1
    termCount += 1
    let size = count + suffixes.count + meta.count + singles.count + shorts.count
    if size >= ArchiveObject.dictionaryBlockByteCount { closeBlock() }
  }

  private mutating func append(single document: UInt32) {
    pendingBits |= UInt64(document) << UInt64(pendingBitCount)
    pendingBitCount += documentBits
    while pendingBitCount >= 8 {
      singles.append(UInt8(truncatingIfNeeded: pendingBits))
      pendingBits >>= 8
      pendingBitCount -= 8
    }
  }

  mutating func finish() {
    if count > 0 { closeBlock() }
  }

  private mutating func closeBlock() {
    if pendingBitCount > 0 { singles.append(UInt8(truncatingIfNeeded: pendingBits)) }
    pendingBits = 0
    pendingBitCount = 0
    content.removeAll()
    content.append(vi: count)
    content.append(vi: postBase)
    content.append(vi: suffixes.count)
    content.append(vi: meta.count)
    content.append(vi: singles.count)
    for part in [heads, suffixes, meta, singles, shorts] {
      content.append(part.bytes)
      part.removeAll()
    }
    precondition(content.count <= ArchiveLimits.dictionaryBlockByteCountMax, "dictionary block too large")
    let byteCount = compressor.append(content.bytes, to: blocks)
    index.append(TermIndexEntry(separator: separator, byteCount: byteCount))
    count = 0
  }
}

/// Reads the content of a block.
struct DictionaryBlock {
  private let content: [UInt8]
  private let documentCount: Int

  /// `frame` is the whole block as it stands in DICT.
  init(_ frame: UnsafeRawBufferPointer, documentCount: Int, decompressor: FrameDecompressor) throws(InputDefect) {
    guard let byteCount = FrameDecompressor.contentByteCount(frame),
      byteCount <= ArchiveLimits.dictionaryBlockByteCountMax,
      let content = decompressor.content(of: frame, byteCount: byteCount)
    else { throw InputDefect() }
    self.content = content
    self.documentCount = documentCount
  }

  /// The postings of `term`, nil when it is not in the block.
  func find(_ term: Term) throws(InputDefect) -> TermPostings? {
    var found: TermPostings?
    try forEach { (candidate, postings) throws(InputDefect) -> Bool in
      guard candidate == term else { return candidate < term }
      found = postings
      return false
    }
    return found
  }

  /// Calls `body` for every term in order until it returns false.
  func forEach(_ body: (Term, TermPostings) throws(InputDefect) -> Bool) throws(InputDefect) {
    try content.withBytes { (bytes) throws(InputDefect) in
      var parts = try Parts(bytes, documentCount: documentCount)
      while let next = try parts.next() {
        guard try body(next.0, next.1) else { return }
      }
    }
  }

  /// The five columns of a block, each with its own position.
  private struct Parts {
    private var rest: Int
    private var postPosition: Int
    private var heads: ByteInput
    private var suffixes: ByteInput
    private var meta: ByteInput
    private var singles: UnsafeRawBufferPointer
    private var shorts: ByteInput
    private var singleIndex = 0
    private var term: [UInt8] = []
    private var previous: Term?
    private let documentCount: Int

    init(_ bytes: UnsafeRawBufferPointer, documentCount: Int) throws(InputDefect) {
      var input = ByteInput(bytes)
      rest = try input.elementCount(byteCountMin: 1)
      postPosition = try input.vi(upTo: Int(UInt32.max))
      let suffixByteCount = try input.vi(upTo: bytes.count)
      let metaByteCount = try input.vi(upTo: bytes.count)
      let singleByteCount = try input.vi(upTo: bytes.count)
      heads = ByteInput(try input.take(rest))
      suffixes = ByteInput(try input.take(suffixByteCount))
      meta = ByteInput(try input.take(metaByteCount))
      singles = try input.take(singleByteCount)
      shorts = ByteInput(input.rest())
      self.documentCount = documentCount
    }

    mutating func next() throws(InputDefect) -> (Term, TermPostings)? {
      guard rest > 0 else { return nil }
      rest -= 1
      let term = try nextTerm()
      let count = try meta.vi(upTo: documentCount)
      if count >= ArchiveObject.longListCount {
        let start = postPosition
        let byteCount = try meta.vi(upTo: Int(UInt32.max))
        postPosition += byteCount
        return (term, .long(count: count, bytes: start..<postPosition))
      }
      if count == 1 { return (term, .inline(try nextSingle())) }
      guard count > 1 else { throw InputDefect() }
      return (term, .inline(try PostingCoder.decodeShort(&shorts, count: count, documentCount: documentCount)))
    }

    private mutating func nextTerm() throws(InputDefect) -> Term {
      let head = try heads.byte()
      let shared = Int(head >> 4)
      let suffix = try suffixes.take(Int(head & 15) + 1)
      guard shared <= term.count, shared + suffix.count <= Term.byteCountMax else { throw InputDefect() }
      term.removeLast(term.count - shared)
      term.append(contentsOf: suffix)
      let next = term.withBytes { Term(bytes: $0) }
      if let previous, previous >= next { throw InputDefect() }
      previous = next
      return next
    }

    private mutating func nextSingle() throws(InputDefect) -> PostingList {
      let bits = DictionaryWriter.bits(documentCount: documentCount)
      let start = singleIndex * bits
      guard start + bits <= 8 * singles.count else { throw InputDefect() }
      singleIndex += 1
      var document: UInt64 = 0
      for index in stride(from: (start + bits + 7) / 8 - 1, through: start / 8, by: -1) where bits > 0 {
        document = document << 8 | UInt64(singles[index])
      }
      document = (document >> UInt64(start % 8)) & ((1 << UInt64(bits)) - 1)
      guard document < UInt64(documentCount) else { throw InputDefect() }
      return PostingList(documents: [UInt32(document)], frequencies: [1])
    }
  }
}
