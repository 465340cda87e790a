internal import KafkaRecords

/// The last 32 bytes of an object.
struct Trail {
  let footer: Range<Int>
  let footerCRC: UInt32

  /// `bytes` end where the object of `objectByteCount` bytes ends. Throws `corrupt`, `sizeMismatch` or
  /// `unsupportedFormat`.
  init(endOf bytes: UnsafeRawBufferPointer, objectByteCount: Int) throws(ArchiveError) {
    let position = objectByteCount - ArchiveObject.trailByteCount
    guard bytes.count >= ArchiveObject.trailByteCount, position >= 0 else {
      throw .corrupt(.trail, position: max(0, position))
    }
    let trail = UnsafeRawBufferPointer(rebasing: bytes.suffix(ArchiveObject.trailByteCount))
    func number<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
      T(littleEndian: trail.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    guard number(28, UInt32.self) == ArchiveObject.magic else { throw .corrupt(.trail, position: position) }
    let version = number(24, UInt32.self)
    guard version == ArchiveObject.formatVersion else { throw .unsupportedFormat(version) }
    let recorded = number(16, UInt64.self)
    guard recorded == UInt64(objectByteCount) else {
      throw .sizeMismatch(actual: objectByteCount, recorded: recorded)
    }
    let byteCount = Int(number(8, UInt32.self))
    guard number(0, UInt64.self) == UInt64(bitPattern: Int64(position - byteCount)),
      byteCount <= min(position - ArchiveObject.headByteCount, ArchiveLimits.footerByteCountMax)
    else { throw .corrupt(.trail, position: position) }
    footer = position - byteCount..<position
    footerCRC = number(12, UInt32.self)
  }
}

extension Footer {
  /// Reads FOOT; `bytes` are those that `trail` names. Every number is checked against the others and the object's
  /// size, so that what the rest of the reader asks for lies inside the object. Throws `corrupt`.
  init(parsing bytes: UnsafeRawBufferPointer, trail: Trail) throws(ArchiveError) {
    guard bytes.count == trail.footer.count, CRC32C.checksum(bytes) == trail.footerCRC else {
      throw .corrupt(.footer, position: trail.footer.lowerBound)
    }
    do throws(InputDefect) {
      try self.init(checked: bytes, position: trail.footer.lowerBound)
    } catch {
      throw .corrupt(.footer, position: trail.footer.lowerBound)
    }
  }

  private init(checked bytes: UnsafeRawBufferPointer, position: Int) throws(InputDefect) {
    var parts: [UInt64: UnsafeRawBufferPointer] = [:]
    var input = ByteInput(bytes)
    while input.remaining > 0 {
      let tag = try input.vi()
      guard parts.updateValue(try input.counted(), forKey: tag) == nil else { throw InputDefect() }
    }
    func part(_ tag: UInt64) throws(InputDefect) -> ByteInput {
      guard let part = parts[tag] else { throw InputDefect() }
      return ByteInput(part)
    }
    func optional<T>(
      _ tag: UInt64, _ none: T, _ body: (inout ByteInput) throws(InputDefect) -> T
    ) throws(InputDefect) -> T {
      guard let part = parts[tag] else { return none }
      var input = ByteInput(part)
      return try body(&input)
    }
    var identityPart = try part(ArchiveObject.Tag.identity)
    var rangePart = try part(ArchiveObject.Tag.range)
    var framesPart = try part(ArchiveObject.Tag.frames)
    identity = try Identity(&identityPart)
    range = try OffsetRange(&rangePart)
    frames = try Self.frames(&framesPart, range: range, end: position)
    let dataEnd = frames.last!.bytes.upperBound + ArchiveObject.indexHeaderByteCount
    sections = try optional(ArchiveObject.Tag.sections, [:]) { (input) throws(InputDefect) in
      try Self.sections(&input, within: dataEnd..<position)
    }
    termIndex = try optional(ArchiveObject.Tag.termIndex, TermIndex()) { (input) throws(InputDefect) in
      try TermIndex(&input)
    }
    epochs = try optional(ArchiveObject.Tag.epochs, [], Self.epochs)
    abortedTransactions = try optional(ArchiveObject.Tag.aborted, [], Self.aborted)
    analyzer = try optional(ArchiveObject.Tag.analyzer, Analyzer(version: 1, what: 7)) { (input) throws(InputDefect) in
      Analyzer(version: try input.byte(), what: try input.byte())
    }
    producerSnapshot = parts[ArchiveObject.Tag.producers].map { [UInt8]($0) }
    compaction = try optional(ArchiveObject.Tag.compaction, nil) { (input) throws(InputDefect) in
      Compaction(generation: try input.byte(), replacedByteCount: try input.vi(upTo: .max))
    }
    self.position = position
    objectByteCount = position + bytes.count + ArchiveObject.trailByteCount
    let dictionary = sections[.dictionary]?.count ?? 0
    let blocks = termIndex.blocks.reduce(0) { sum, block in sum + block.byteCount }
    guard blocks == dictionary, range.documentCount <= ArchiveLimits.documentCountMax || dictionary == 0 else {
      throw InputDefect()
    }
  }

  private static func frames(
    _ input: inout ByteInput, range: OffsetRange, end: Int
  ) throws(InputDefect) -> [Frame] {
    let count = try input.elementCount(byteCountMin: 6)
    guard count > 0 else { throw InputDefect() }
    var frames: [Frame] = []
    frames.reserveCapacity(count)
    var frame = Frame(
      position: ArchiveObject.headByteCount, compressedByteCount: 0, rawByteCount: 0, firstOffset: 0, firstDocument: 0,
      minTimestamp: 0, maxTimestamp: 0)
    var rawByteCount = 0
    for index in 0..<count {
      frame.position += frame.compressedByteCount
      frame.compressedByteCount = try input.vi(upTo: end - frame.position)
      frame.rawByteCount = try input.vi(upTo: ArchiveLimits.frameRawByteCountMax)
      let offset = frame.firstOffset.addingReportingOverflow(Int64(try input.vi(upTo: .max)))
      guard !offset.overflow, offset.partialValue < range.nextOffset, offset.partialValue >= range.baseOffset,
        index == 0 || offset.partialValue > frame.firstOffset, frame.compressedByteCount > 0
      else { throw InputDefect() }
      frame.firstOffset = offset.partialValue
      frame.firstDocument += try input.vi(upTo: range.documentCount - frame.firstDocument)
      frame.minTimestamp &+= try input.zz()
      frame.maxTimestamp = frame.minTimestamp &+ Int64(bitPattern: try input.vi())
      guard frame.maxTimestamp >= frame.minTimestamp else { throw InputDefect() }
      rawByteCount += frame.rawByteCount
      frames.append(frame)
    }
    guard input.remaining == 0, rawByteCount == range.rawByteCount,
      end - frame.bytes.upperBound >= ArchiveObject.indexHeaderByteCount
    else { throw InputDefect() }
    return frames
  }

  private static func sections(
    _ input: inout ByteInput, within bounds: Range<Int>
  ) throws(InputDefect) -> [Section: Range<Int>] {
    var sections: [Section: Range<Int>] = [:]
    var end = bounds.lowerBound
    while input.remaining > 0 {
      let kind = try input.byte()
      let start = try input.fixed(UInt64.self)
      let count = try input.fixed(UInt64.self)
      guard start >= UInt64(end), start <= UInt64(bounds.upperBound), count <= UInt64(bounds.upperBound) - start else {
        throw InputDefect()
      }
      end = Int(start) + Int(count)
      // A later writer may have sections this code has no use for.
      if let section = Section(rawValue: kind) { sections[section] = Int(start)..<end }
    }
    return sections
  }

  private static func epochs(_ input: inout ByteInput) throws(InputDefect) -> [EpochStart] {
    let count = try input.elementCount(byteCountMin: 2)
    var epochs: [EpochStart] = []
    for _ in 0..<count {
      let leaderEpoch = Int32(try input.vi(upTo: Int(Int32.max)))
      epochs.append(EpochStart(leaderEpoch: leaderEpoch, startOffset: Int64(try input.vi(upTo: .max))))
    }
    return epochs
  }

  private static func aborted(_ input: inout ByteInput) throws(InputDefect) -> [AbortedTransaction] {
    let count = try input.elementCount(byteCountMin: 3)
    var transactions: [AbortedTransaction] = []
    for _ in 0..<count {
      let producerID = try input.zz()
      let first = Int64(try input.vi(upTo: .max))
      transactions.append(
        AbortedTransaction(producerID: producerID, firstOffset: first, lastOffset: Int64(try input.vi(upTo: .max))))
    }
    return transactions
  }
}

extension Footer.Identity {
  fileprivate init(_ input: inout ByteInput) throws(InputDefect) {
    topicID = [UInt8](try input.take(16))
    guard let topic = String(validating: try input.counted(), as: UTF8.self) else { throw InputDefect() }
    self.topic = topic
    partition = Int32(try input.vi(upTo: Int(Int32.max)))
  }
}

extension Footer.OffsetRange {
  fileprivate init(_ input: inout ByteInput) throws(InputDefect) {
    baseOffset = try input.fixed(Int64.self)
    nextOffset = try input.fixed(Int64.self)
    let rawByteCount = try input.fixed(UInt64.self)
    minTimestamp = try input.fixed(Int64.self)
    maxTimestamp = try input.fixed(Int64.self)
    documentCount = Int(try input.fixed(UInt32.self))
    let tokenCount = try input.fixed(UInt64.self)
    guard baseOffset >= 0, nextOffset > baseOffset, rawByteCount <= UInt64(ArchiveLimits.segmentByteCountMax),
      tokenCount <= UInt64(Int64.max)
    else { throw InputDefect() }
    self.rawByteCount = Int(rawByteCount)
    self.tokenCount = Int(tokenCount)
  }
}

extension Footer.TermIndex {
  fileprivate init(_ input: inout ByteInput) throws(InputDefect) {
    termCount = try input.vi(upTo: Int(UInt32.max))
    let count = try input.elementCount(byteCountMin: 2)
    blocks.reserveCapacity(count)
    var previous = Term(high: 0, low: 0)
    for index in 0..<count {
      let separator = try input.take(Int(try input.byte()))
      guard separator.count <= Term.byteCountMax else { throw InputDefect() }
      let term = Term(bytes: separator)
      guard index == 0 || previous < term else { throw InputDefect() }
      previous = term
      let byteCount = try input.vi(upTo: ArchiveLimits.dictionaryBlockByteCountMax * 2)
      blocks.append(TermIndexEntry(separator: [UInt8](separator), byteCount: byteCount))
    }
  }
}
