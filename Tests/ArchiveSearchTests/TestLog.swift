import KafkaRecords

/// What a test knows of a record without asking the code under test.
struct KnownRecord: Equatable {
  var partition: Int
  var offset: Int64
  var timestamp: Int64
  var key: [UInt8]?
  var value: [UInt8]?
  var headers: [RecordHeader]
  var isAborted = false
  var hasAppendTime = false
}

/// A partition's log with all that a log can have, and what is in it.
struct TestLog {
  struct Batch {
    var bytes: [UInt8]
    var offsets: Range<Int64>
  }

  struct Aborted {
    var producer: Int64
    var offsets: ClosedRange<Int64>
  }

  let partition: Int
  var batches: [Batch] = []
  var records: [KnownRecord] = []
  var aborted: [Aborted] = []
  var nextOffset: Int64
  private var time: Int64 = 1_700_000_000_000
  /// Transactions that have records and no end yet, with the index of their first record.
  private var open: [(producer: Int64, firstOffset: Int64, records: [Int])] = []
  private var nextProducer: Int64 = 7000

  static let words: [String] = [
    "error", "Warning", "timeout", "connection", "the", "THE", "user42", "a", "x1", "orders", "payment", "retry",
    "straße", "Éclair", "naïve", "Журнал", "ошибка", "東京都", "大阪", "データベース", "서울", "Ωmega", "日", "café—bar",
    "0123456789abcdef", "0123456789abcdefg", "averyveryverylongtokenindeed", "AVERYVERYVERYLONGTOKENINDEED", "12",
    "abcdefghijkl", "{\"level\":\"error\",\"code\":500}", "level", "code", "500", "foo-bar", "foo", "bar",
    "foo_bar.baz", "https://example.org/a?b=c", "\u{FFFD}", "…",
  ]

  var offsets: Range<Int64> { (batches.first?.offsets.lowerBound ?? nextOffset)..<nextOffset }
  /// Behind the last record of a decided transaction.
  var lastStableOffset: Int64 { open.map(\.firstOffset).min() ?? nextOffset }

  init(partition: Int, firstOffset: Int64) {
    self.partition = partition
    nextOffset = firstOffset
  }

  mutating func grow(batchCount: Int, recordCountMax: Int = 12, _ random: inout SeededGenerator) {
    for _ in 0..<batchCount {
      if random.chance(10) { nextOffset += Int64(random.below(6)) }
      time += Int64(random.below(1000))
      switch random.below(10) {
      case 0: beginOrContinue(recordCountMax, &random)
      case 1 where !open.isEmpty: end(random.below(open.count), aborts: random.chance(50))
      case 2 where random.chance(20): addUndecodable(&random)
      default: addBatch(recordCountMax, producer: -1, &random)
      }
    }
  }

  /// Ends every open transaction.
  mutating func settle(_ random: inout SeededGenerator) {
    while !open.isEmpty { end(0, aborts: random.chance(50)) }
  }

  private mutating func beginOrContinue(_ recordCountMax: Int, _ random: inout SeededGenerator) {
    let index: Int
    if open.isEmpty || random.chance(50) {
      open.append((nextProducer, nextOffset, []))
      nextProducer += 1
      index = open.count - 1
    } else {
      index = random.below(open.count)
    }
    let first = records.count
    addBatch(recordCountMax, producer: open[index].producer, &random)
    open[index].records += Array(first..<records.count)
  }

  private mutating func end(_ index: Int, aborts: Bool) {
    let transaction = open.remove(at: index)
    let marker = aborts ? ControlRecord.abort(coordinatorEpoch: 1) : ControlRecord.commit(coordinatorEpoch: 1)
    if aborts {
      for record in transaction.records { records[record].isAborted = true }
      aborted.append(Aborted(producer: transaction.producer, offsets: transaction.firstOffset...nextOffset))
    }
    append(marker.endTransactionBatch(producerID: transaction.producer, producerEpoch: 0, timestamp: time), count: 1)
  }

  private mutating func append(_ batch: [UInt8], count: Int) {
    var batch = batch
    batch.withUnsafeMutableBytes {
      RecordBatch.assign(baseOffset: nextOffset, leaderEpoch: 3, in: $0.baseAddress!)
    }
    batches.append(Batch(bytes: batch, offsets: nextOffset..<nextOffset + Int64(count)))
    nextOffset += Int64(count)
  }

  /// A batch with a good CRC whose records are no zstd stream.
  private mutating func addUndecodable(_ random: inout SeededGenerator) {
    var builder = RecordBatchBuilder(compression: .zstd)
    for _ in 0..<5 { builder.append(timestamp: time, key: nil, value: Array("lost error words".utf8)) }
    var batch = builder.build()
    for index in 61..<batch.count { batch[index] = UInt8(truncatingIfNeeded: random.next()) }
    batch[61] = 0
    batch.withUnsafeMutableBytes { bytes in
      let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[21...]))
      bytes.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
    }
    append(batch, count: 5)
  }

  private mutating func addBatch(_ recordCountMax: Int, producer: Int64, _ random: inout SeededGenerator) {
    var builder = RecordBatchBuilder(
      compression: random.pick(Compression.allCases), isTransactional: producer >= 0, producerID: producer,
      producerEpoch: producer >= 0 ? 0 : -1, baseSequence: producer >= 0 ? 0 : -1)
    let count = 1 + random.below(recordCountMax)
    let first = records.count
    for index in 0..<count {
      let record = record(offset: nextOffset + Int64(index), &random)
      builder.append(timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
      records.append(record)
    }
    var batch = builder.build()
    if random.chance(15) {
      batch.withUnsafeMutableBytes { RecordBatch.setLogAppendTime(time, in: $0) }
      for index in first..<records.count {
        records[index].timestamp = time
        records[index].hasAppendTime = true
      }
    }
    append(batch, count: count)
  }

  /// Most times are about in the order of the log; some are far off, as a producer's clock may be.
  private func record(offset: Int64, _ random: inout SeededGenerator) -> KnownRecord {
    func text(_ most: Int) -> [UInt8] {
      var text: [UInt8] = []
      for _ in 0..<random.below(most + 1) {
        text += Array(random.pick(Self.words).utf8) + (random.chance(5) ? [0xFF, 0x20] : [0x20])
      }
      return text
    }
    var timestamp = time + Int64(random.below(2000)) - 1000
    if random.chance(2) { timestamp += Int64(random.below(100_000)) - 50_000 }
    var record = KnownRecord(
      partition: partition, offset: offset, timestamp: timestamp,
      key: random.chance(25) ? nil : random.chance(10) ? [] : Array("key-\(random.below(30))".utf8),
      value: random.chance(8) ? nil : text(14), headers: [])
    while random.chance(30) {
      record.headers.append(RecordHeader(random.pick(["trace", "Source", "n"]), random.chance(20) ? nil : text(3)))
    }
    return record
  }
}
