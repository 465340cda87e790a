import KafkaRecords

// A partition's snapshot file, integers little-endian:
//
//    0  "CHRPSNP1"
//    8  uint32  CRC-32C of all bytes from 12 on
//   12  uint32  number of epochs
//   16  uint32  number of producers
//   20  int64   offset: producers and epochs are those of the log below it
//   28  int64   log start offset
//   36  epochs: { int32 epoch, int64 start offset }
//    …  producers: { int64 id, int16 epoch, int64 last append time, uint8 number of batches,
//                    batches: { int32 first sequence, int32 last sequence, int64 base offset, int64 last offset,
//                               int64 timestamp } }

/// What the host knows of a partition beyond its records, at one offset. Everything but the log's start can be had
/// again by reading the batch headers from the beginning; the snapshot is there to make that short.
struct PartitionSnapshot: Sendable, Equatable {
  /// The state is that of the log below this offset.
  var offset: Int64
  /// Nothing below is part of the log any more, whatever the tiers still hold.
  var logStartOffset: Int64
  var epochs: LeaderEpochHistory
  var producers: [Int64: ProducerStates.Producer]

  private static let magic = Array("CHRPSNP1".utf8)
  private static let headerByteCount = 36
  /// A file larger than what the bounds of its content allow is not read.
  static let byteCountMax =
    headerByteCount + LeaderEpochHistory.countMax * 12 + ProducerStates.countMax
    * (19 + ProducerStates.batchesKept * 32)

  func encode() -> [UInt8] {
    var bytes = Self.magic + [0, 0, 0, 0]
    Self.put(UInt32(epochs.entries.count), &bytes)
    Self.put(UInt32(producers.count), &bytes)
    Self.put(offset, &bytes)
    Self.put(logStartOffset, &bytes)
    for entry in epochs.entries {
      Self.put(entry.epoch, &bytes)
      Self.put(entry.startOffset, &bytes)
    }
    for (id, producer) in producers {
      Self.put(id, &bytes)
      Self.put(producer.epoch, &bytes)
      Self.put(producer.lastAppendTime, &bytes)
      Self.put(UInt8(producer.batches.count), &bytes)
      for batch in producer.batches {
        Self.put(batch.firstSequence, &bytes)
        Self.put(batch.lastSequence, &bytes)
        Self.put(batch.baseOffset, &bytes)
        Self.put(batch.lastOffset, &bytes)
        Self.put(batch.timestamp, &bytes)
      }
    }
    let crc = bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[12...])) }
    withUnsafeBytes(of: crc.littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
    return bytes
  }

  /// Nil when the bytes are not a whole, undamaged snapshot.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.headerByteCount, bytes.starts(with: Self.magic) else { return nil }
    var fields = Fields(bytes: bytes, position: 8)
    let crc = bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[12...])) }
    guard fields.next(UInt32.self) == crc, let epochCount = fields.next(UInt32.self),
      let producerCount = fields.next(UInt32.self), let offset = fields.next(Int64.self),
      let logStart = fields.next(Int64.self), epochCount <= LeaderEpochHistory.countMax,
      producerCount <= ProducerStates.countMax
    else { return nil }
    var entries: [LeaderEpochHistory.Entry] = []
    for _ in 0..<epochCount {
      guard let epoch = fields.next(Int32.self), let start = fields.next(Int64.self) else { return nil }
      entries.append(LeaderEpochHistory.Entry(epoch: epoch, startOffset: start))
    }
    var producers: [Int64: ProducerStates.Producer] = [:]
    for _ in 0..<producerCount {
      guard let id = fields.next(Int64.self), let producer = fields.producer() else { return nil }
      producers[id] = producer
    }
    guard fields.position == bytes.count, let epochs = LeaderEpochHistory(entries) else { return nil }
    self.init(offset: offset, logStartOffset: logStart, epochs: epochs, producers: producers)
  }

  init(
    offset: Int64, logStartOffset: Int64, epochs: LeaderEpochHistory, producers: [Int64: ProducerStates.Producer]
  ) {
    self.offset = offset
    self.logStartOffset = logStartOffset
    self.epochs = epochs
    self.producers = producers
  }

  private static func put<Number: FixedWidthInteger>(_ number: Number, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Reads numbers one behind the other; nil at the end.
  private struct Fields {
    let bytes: [UInt8]
    var position: Int

    mutating func next<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> Number? {
      let size = MemoryLayout<Number>.size
      guard bytes.count - position >= size else { return nil }
      defer { position += size }
      return bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self)) }
    }

    mutating func producer() -> ProducerStates.Producer? {
      guard let epoch = next(Int16.self), let time = next(Int64.self), let count = next(UInt8.self),
        Int(count) <= ProducerStates.batchesKept
      else { return nil }
      var batches: [ProducerStates.Batch] = []
      for _ in 0..<count {
        guard let first = next(Int32.self), let last = next(Int32.self), let base = next(Int64.self),
          let lastOffset = next(Int64.self), let timestamp = next(Int64.self)
        else { return nil }
        batches.append(
          ProducerStates.Batch(
            firstSequence: first, lastSequence: last, baseOffset: base, lastOffset: lastOffset, timestamp: timestamp))
      }
      return ProducerStates.Producer(epoch: epoch, batches: batches, lastAppendTime: time)
    }
  }
}
