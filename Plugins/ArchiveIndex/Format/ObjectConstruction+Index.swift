extension ObjectConstruction {
  /// Closes the data, appends index, footer and trail.
  consuming func finish() throws(ArchiveError) -> ArchivedObject {
    closeLastFrame()
    guard !frames.isEmpty else { throw .emptySegment }
    let dataEnd = output.count
    statistics.dataByteCount = dataEnd
    output.append(ArchiveObject.skippableMagic, as: UInt32.self)
    output.append(UInt32(0), as: UInt32.self)
    let documentCount = indexer.builder.documentCount
    let tokenCount = indexer.builder.tokenCount
    var sections: [Footer.Section: Range<Int>] = [:]
    var terms = Footer.TermIndex()
    if index != .none { terms = appendIndex(documentCount: documentCount, sections: &sections) }
    var what: UInt8 = 0
    if index == .full {
      what = ArchiveObject.Analyzed.key | ArchiveObject.Analyzed.value | ArchiveObject.Analyzed.headers
    }
    var footer = Footer(
      identity: segment.identity,
      range: Footer.OffsetRange(
        baseOffset: segment.offsets?.lowerBound ?? frames[0].firstOffset,
        nextOffset: segment.offsets?.upperBound ?? nextOffset, rawByteCount: position,
        minTimestamp: frames.reduce(.max) { min($0, $1.minTimestamp) },
        maxTimestamp: frames.reduce(.min) { max($0, $1.maxTimestamp) }, documentCount: documentCount,
        tokenCount: tokenCount),
      sections: sections, frames: frames, termIndex: terms, epochs: segment.epochs ?? epochs,
      abortedTransactions: segment.abortedTransactions,
      analyzer: Footer.Analyzer(version: ArchiveObject.analyzerVersion, what: what),
      producerSnapshot: segment.producerSnapshot, compaction: segment.compaction, objectByteCount: 0, position: 0)
    footer.encode(to: output)
    let indexByteCount = output.count - dataEnd
    let byteCountToEnd = indexByteCount - ArchiveObject.indexHeaderByteCount
    guard byteCountToEnd <= Int(UInt32.max) else {
      throw .tooLarge(byteCount: indexByteCount, limit: Int(UInt32.max))
    }
    output.base.storeBytes(of: UInt32(byteCountToEnd).littleEndian, toByteOffset: dataEnd + 4, as: UInt32.self)
    statistics.indexByteCount = indexByteCount
    return ArchivedObject(output, footer: footer, statistics: statistics)
  }

  /// Appends POST, DICT, NORM and KEYF, those that have content.
  private mutating func appendIndex(
    documentCount: Int, sections: inout [Footer.Section: Range<Int>]
  ) -> Footer.TermIndex {
    statistics.postingCount = indexer.builder.stream.count
    let start = output.count
    var dictionary = DictionaryWriter(post: output, documentCount: documentCount)
    let keyHashes = indexer.builder.finish { term, documents, frequencies, count in
      dictionary.add(term, documents, frequencies, count: count)
    }
    dictionary.finish()
    statistics.termCount = dictionary.termCount
    if output.count > start { sections[.postings] = start..<output.count }
    sections[.dictionary] = append { output in output.append(dictionary.blocks.bytes) }
    if index == .full, documentCount > 0 {
      let norms = UnsafeRawBufferPointer(start: indexer.builder.norms.base, count: documentCount)
      sections[.norms] = append { output in _ = FrameCompressor(level: 1).append(norms, to: output) }
    }
    if !keyHashes.isEmpty {
      sections[.keyFilter] = append { output in KeyFilter(hashes: keyHashes).encode(to: output) }
    }
    return Footer.TermIndex(termCount: dictionary.termCount, blocks: dictionary.index)
  }

  private func append(_ body: (ByteOutput) -> Void) -> Range<Int> {
    let start = output.count
    body(output)
    return start..<output.count
  }
}
