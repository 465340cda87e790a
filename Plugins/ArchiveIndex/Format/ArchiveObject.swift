// An archive object, format version 1. A legal zstd stream: its frames decompress to the Kafka segment byte for byte,
// everything else stands in skippable frames. Integers are little-endian; vi is unsigned LEB128, zz is zigzag vi, [n]
// is n bytes. Kafka's bytes are untouched (big-endian). Every part that can be read alone has its own checksum.
//
//   OBJECT ┌──────────────────────────────────────────────────────────────────────────────────────────────────┐
//          │ HEAD   u32 0x184D2A5A  u32 8  "KAR1"  u32 1                            16 bytes, skippable frame  │
//          │ FRAME… zstd frames: content size, XXH64 checksum, no dictionary id. Whole record batches, cut at │
//          │        the first batch boundary at or behind 256 KiB raw; a larger batch is a frame of its own    │
//          │ INDEX  u32 0x184D2A5A  u32 bytes to the end of the object              skippable frame, < 4 GiB    │
//          │  POST  long posting lists (df ≥ 128), in dictionary order              → PostingList.swift         │
//          │  DICT  dictionary blocks, a zstd frame each, short lists inline        → DictionaryBlock.swift     │
//          │  NORM  one zstd frame: a byte per document, its quantised token count  → Norms.swift               │
//          │  KEYF  bloom filter over the record keys                               → KeyFilter.swift           │
//          │  FOOT  vi tag, vi length, payload; unknown tags are skipped                                        │
//          │  TRAIL u64 foot offset  u32 foot length  u32 CRC-32C(FOOT)  u64 object length  u32 1  "KAR1"       │
//          └──────────────────────────────────────────────────────────────────────────────────────────────────┘
//
//   FOOT    1 IDENT     [16] topic id ; vi len, [len] topic ; vi partition
//           2 RANGE     i64 base_offset ; i64 next_offset ; u64 raw_bytes ; i64 min_ts ; i64 max_ts ; u32 docs ;
//                       u64 tokens
//           3 SECTIONS  n × { u8 kind (1 POST 2 DICT 3 NORM 4 KEYF) ; u64 offset ; u64 length }; absent ones are
//                       not listed
//           4 FRAMES    vi n ; n × { vi clen ; vi rlen ; vi first_offset − previous ; vi first_doc − previous ;
//                       zz min_ts − previous min_ts ; vi max_ts − min_ts }       what precedes the first is 0
//           5 TERMIX    vi terms ; vi blocks ; blocks × { u8 len, [len] separator ; vi block_bytes }   the separator
//                       is the shortest one above the last term of the block before; the first block has none
//           6 EPOCHS    vi n ; n × { vi leader_epoch ; vi start_offset }
//           7 ABORTED   vi n ; n × { zz producer_id ; vi first_offset ; vi last_offset }
//           8 ANALYZER  u8 version (1) ; u8 what (1 key 2 value 4 headers)
//           9 PRODUCERS a snapshot of the producers at next_offset; optional, not interpreted here
//          10 COMPACT   u8 generation ; vi replaced raw bytes; in compacted objects only
//
//   A document is a record of a batch that is not a control batch; its id is its ordinal among those, counted by the
//   batches' record counts. Times are milliseconds since 1970; differences of times wrap at 64 bits.

/// Constants of the format.
public enum ArchiveObject {
  public static let formatVersion: UInt32 = 1
  static let skippableMagic: UInt32 = 0x184D_2A5A
  /// "KAR1" read as a little-endian number.
  static let magic: UInt32 = 0x3152_414B
  public static let headByteCount = 16
  /// The skippable frame's header in front of the index.
  static let indexHeaderByteCount = 8
  public static let trailByteCount = 32
  /// Where a frame is cut: the first batch boundary at or behind this many raw bytes.
  static let frameByteCount = 256 * 1024
  /// Posting lists from this document frequency on stand in POST, shorter ones in the dictionary.
  static let longListCount = 128
  /// A dictionary block is closed when its content reaches this size.
  static let dictionaryBlockByteCount = 16 * 1024
  /// The version of the lexer's rules that objects are written with.
  public static let analyzerVersion: UInt8 = 1

  enum Tag {
    static let identity: UInt64 = 1
    static let range: UInt64 = 2
    static let sections: UInt64 = 3
    static let frames: UInt64 = 4
    static let termIndex: UInt64 = 5
    static let epochs: UInt64 = 6
    static let aborted: UInt64 = 7
    static let analyzer: UInt64 = 8
    static let producers: UInt64 = 9
    static let compaction: UInt64 = 10
  }

  /// What of a record was lexed.
  enum Analyzed {
    static let key: UInt8 = 1
    static let value: UInt8 = 2
    static let headers: UInt8 = 4
  }
}

/// The bounds of the format, each with its reason.
public enum ArchiveLimits {
  /// Raw bytes of a segment: stream positions are 32-bit numbers, and the index must stay below 4 GiB.
  public static let segmentByteCountMax = 2 << 30
  /// Documents of an object. A compressed batch may announce any record count and NORM takes a byte for each; a segment
  /// with more is archived without an index.
  public static let documentCountMax = 1 << 26
  /// What the records of one batch may inflate to; beyond, the batch is archived but not indexed or searched.
  public static let inflatedByteCountMax = 128 << 20
  /// … and how many times their compressed size; gzip cannot exceed 1,032.
  static let inflateRatioMax = 4096
  /// Batches that inflate to less than this are fine at any ratio.
  static let inflatedByteCountFree = 1 << 20
  /// Raw bytes of a frame: the largest batch (31-bit length field) behind less than a frame's worth of others.
  static let frameRawByteCountMax = Int(Int32.max) + ArchiveObject.frameByteCount + 12
  /// Content of a dictionary block: 16 KiB and the largest single term, with room to spare.
  static let dictionaryBlockByteCountMax = 64 * 1024
  /// Bytes of an object's footer: one frame of 256 KiB takes about 20 bytes, so 2 GiB take 160 KiB; the producer
  /// snapshot and the aborted transactions take the rest.
  static let footerByteCountMax = 64 << 20
  /// Term frequencies are stored up to this.
  public static let termFrequencyMax = 255
  /// Clauses of a query, and tokens in all of them.
  public static let queryTokenCountMax = 64
  /// Bytes of a query's text.
  public static let queryByteCountMax = 16 * 1024
  /// Frames a search holds decompressed at a time: with frames of 256 KiB, 16 MiB.
  static let searchFrameCountMax = 64
  /// Compressed bytes of frames that a search asks for in one round; one frame may exceed it. A search that has to read
  /// on takes the second number, which is about all frames of a 64 MiB segment.
  static let searchRoundByteCountMax = 8 << 20
  static let searchRefillByteCountMax = 32 << 20
  /// Compressed bytes of frames that a scan without an index asks for in one round.
  static let scanRoundByteCount = 4 << 20

  /// What the records of a batch may inflate to when they take `compressedByteCount` bytes.
  static func inflatedByteCountMax(compressedByteCount: Int) -> Int {
    min(inflatedByteCountMax, max(inflatedByteCountFree, compressedByteCount * inflateRatioMax))
  }
}
