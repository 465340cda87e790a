internal import KafkaRecords

extension ArchiveReader {
  /// Reads the whole object and checks every part against its checksum and against the footer: the frames and the CRC,
  /// order and number of their batches, all terms and posting lists, token counts, key filter, and the frame headers
  /// between them. What it accepts can be fetched and searched in full.
  ///
  /// Throws `corrupt` or what the source throws. Reads frame by frame, so memory stays small.
  public func verify() throws {
    let end = footer.frames[footer.frames.count - 1].bytes.upperBound
    let indexHeader = end..<end + ArchiveObject.indexHeaderByteCount
    let headers = try source.checkedRead([0..<ArchiveObject.headByteCount, indexHeader])
    let rest = footer.objectByteCount - indexHeader.upperBound
    guard headers[0] == Self.head, headers[1] == Self.skippable(byteCount: rest) else {
      throw ArchiveError.corrupt(.head, position: 0)
    }
    try verifyFrames()
    try verifyIndex()
  }

  private static var head: [UInt8] {
    let output = ByteOutput()
    output.append(ArchiveObject.magic, as: UInt32.self)
    output.append(ArchiveObject.formatVersion, as: UInt32.self)
    return skippable(byteCount: ArchiveObject.headByteCount - 8) + [UInt8](output.bytes)
  }

  private static func skippable(byteCount: Int) -> [UInt8] {
    let output = ByteOutput()
    output.append(ArchiveObject.skippableMagic, as: UInt32.self)
    output.append(UInt32(byteCount), as: UInt32.self)
    return [UInt8](output.bytes)
  }

  private func verifyFrames() throws {
    let isNumbered = footer.sections[.dictionary] != nil
    var documentCount = 0
    var nextOffset = footer.range.baseOffset
    for index in footer.frames.indices {
      let frame = footer.frames[index]
      let content = try content(ofFrame: index, readFrames(index..<index + 1)[0])
      var isFirst = true
      guard !isNumbered || frame.firstDocument == documentCount else {
        throw ArchiveError.corrupt(.footer, position: frame.position)
      }
      try forEachBatch(ofFrame: index, content) { batch in
        let header = batch.header
        guard header.baseOffset >= nextOffset, header.nextOffset > header.baseOffset,
          !isFirst || header.baseOffset == frame.firstOffset, header.nextOffset <= footer.range.nextOffset
        else { throw ArchiveError.corrupt(.batch, position: frame.position) }
        isFirst = false
        nextOffset = header.nextOffset
        if !header.isControl { documentCount += Int(header.recordCount) }
        return true
      }
    }
    guard !isNumbered || documentCount == footer.range.documentCount else {
      throw ArchiveError.corrupt(.footer, position: footer.position)
    }
  }

  private func verifyIndex() throws {
    guard let dictionary = footer.sections[.dictionary] else { return }
    var position = dictionary.lowerBound
    var termCount = 0
    for (number, entry) in footer.termIndex.blocks.enumerated() {
      let range = position..<position + entry.byteCount
      let places = try terms(ofBlock: range, number: number)
      termCount += places.count
      // One read for the lists of a block.
      _ = try load(places)
      position = range.upperBound
    }
    guard termCount == footer.termIndex.termCount else {
      throw ArchiveError.corrupt(.dictionary, position: dictionary.lowerBound)
    }
    _ = try termPostings([], withNorms: true)
    var fresh = ArchiveReader(source: source, footer: footer)
    try fresh.loadKeyFilter()
  }

  /// All terms of a block, which must lie between its separator and the next one.
  private func terms(ofBlock range: Range<Int>, number: Int) throws -> [Term: TermPostings] {
    let blocks = footer.termIndex.blocks
    func separator(_ number: Int) -> Term { blocks[number].separator.withBytes { Term(bytes: $0) } }
    let bytes = try source.checkedRead([range])[0]
    var places: [Term: TermPostings] = [:]
    do throws(InputDefect) {
      try bytes.withBytes { (bytes) throws(InputDefect) in
        let block = try DictionaryBlock(bytes, documentCount: footer.range.documentCount, decompressor: decompressor)
        try block.forEach { (term, place) throws(InputDefect) in
          guard term >= separator(number), number + 1 == blocks.count || term < separator(number + 1) else {
            throw InputDefect()
          }
          places[term] = place
          return true
        }
      }
    } catch {
      throw ArchiveError.corrupt(.dictionary, position: range.lowerBound)
    }
    return places
  }
}
