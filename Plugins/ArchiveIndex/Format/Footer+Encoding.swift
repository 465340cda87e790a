internal import KafkaRecords

extension Footer {
  /// Appends FOOT and TRAIL, and notes where FOOT is and where the object ends.
  mutating func encode(to output: ByteOutput) {
    position = output.count
    let part = ByteOutput()
    append(ArchiveObject.Tag.identity, part, to: output) { part in
      part.append(identity.topicID)
      part.append(counted: [UInt8](identity.topic.utf8))
      part.append(vi: Int(identity.partition))
    }
    append(ArchiveObject.Tag.range, part, to: output, encode(range:))
    append(ArchiveObject.Tag.sections, part, to: output, encode(sections:))
    append(ArchiveObject.Tag.frames, part, to: output, encode(frames:))
    append(ArchiveObject.Tag.termIndex, part, to: output) { part in
      part.append(vi: termIndex.termCount)
      part.append(vi: termIndex.blocks.count)
      for block in termIndex.blocks {
        part.append(UInt8(block.separator.count))
        part.append(block.separator)
        part.append(vi: block.byteCount)
      }
    }
    append(ArchiveObject.Tag.epochs, part, to: output) { part in
      part.append(vi: epochs.count)
      for epoch in epochs {
        part.append(vi: Int(epoch.leaderEpoch))
        part.append(vi: UInt64(bitPattern: epoch.startOffset))
      }
    }
    append(ArchiveObject.Tag.aborted, part, to: output) { part in
      part.append(vi: abortedTransactions.count)
      for transaction in abortedTransactions {
        part.append(zz: transaction.producerID)
        part.append(vi: UInt64(bitPattern: transaction.firstOffset))
        part.append(vi: UInt64(bitPattern: transaction.lastOffset))
      }
    }
    append(ArchiveObject.Tag.analyzer, part, to: output) { part in
      part.append(analyzer.version)
      part.append(analyzer.what)
    }
    if let producerSnapshot {
      append(ArchiveObject.Tag.producers, part, to: output) { $0.append(producerSnapshot) }
    }
    if let compaction {
      append(ArchiveObject.Tag.compaction, part, to: output) { part in
        part.append(compaction.generation)
        part.append(vi: compaction.replacedByteCount)
      }
    }
    encodeTrail(to: output)
  }

  private func append(_ tag: UInt64, _ part: ByteOutput, to output: ByteOutput, _ body: (ByteOutput) -> Void) {
    part.removeAll()
    body(part)
    output.append(vi: tag)
    output.append(vi: part.count)
    output.append(part.bytes)
  }

  private func encode(range part: ByteOutput) {
    part.append(range.baseOffset, as: Int64.self)
    part.append(range.nextOffset, as: Int64.self)
    part.append(UInt64(range.rawByteCount), as: UInt64.self)
    part.append(range.minTimestamp, as: Int64.self)
    part.append(range.maxTimestamp, as: Int64.self)
    part.append(UInt32(range.documentCount), as: UInt32.self)
    part.append(UInt64(range.tokenCount), as: UInt64.self)
  }

  private func encode(sections part: ByteOutput) {
    for section in Section.allCases {
      guard let bytes = sections[section] else { continue }
      part.append(section.rawValue)
      part.append(UInt64(bytes.lowerBound), as: UInt64.self)
      part.append(UInt64(bytes.count), as: UInt64.self)
    }
  }

  private func encode(frames part: ByteOutput) {
    part.append(vi: frames.count)
    var offset: Int64 = 0
    var document = 0
    var minTimestamp: Int64 = 0
    for frame in frames {
      part.append(vi: frame.compressedByteCount)
      part.append(vi: frame.rawByteCount)
      part.append(vi: UInt64(bitPattern: frame.firstOffset - offset))
      part.append(vi: frame.firstDocument - document)
      part.append(zz: frame.minTimestamp &- minTimestamp)
      part.append(vi: UInt64(bitPattern: frame.maxTimestamp &- frame.minTimestamp))
      offset = frame.firstOffset
      document = frame.firstDocument
      minTimestamp = frame.minTimestamp
    }
  }

  private mutating func encodeTrail(to output: ByteOutput) {
    let byteCount = output.count - position
    let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: output.bytes[position...]))
    objectByteCount = output.count + ArchiveObject.trailByteCount
    output.append(UInt64(position), as: UInt64.self)
    output.append(UInt32(byteCount), as: UInt32.self)
    output.append(crc, as: UInt32.self)
    output.append(UInt64(objectByteCount), as: UInt64.self)
    output.append(ArchiveObject.formatVersion, as: UInt32.self)
    output.append(ArchiveObject.magic, as: UInt32.self)
  }
}
