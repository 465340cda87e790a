import TierAPI

private let append = UInt64(CHRONIK_TIER_APPEND)

/// Every read of every rule is also checked in `ProbeRead.swift` for what any answer owes.
let readRules: [ContractRule] = [
  ContractRule("read.containing-batch", "An answer begins with the batch that contains the offset.", needs: append) {
    (context) throws(RuleEnd) in
    try withFilledPartition(context) { (partition, batches) throws(RuleEnd) in
      for offset in 0..<batches.last!.nextOffset {
        let answer = try partition.read(from: offset)
        try expect(answer.outcome == .batches && !answer.batches.isEmpty, "a read at \(offset) answered no batches")
        try expectPrefix(answer, of: batches, from: offset)
      }
    }
  },

  ContractRule("read.max-bytes", "An answer stops before the batch that would exceed max_bytes.", needs: append) {
    (context) throws(RuleEnd) in
    try withFilledPartition(context) { (partition, batches) throws(RuleEnd) in
      let first = batches[0].bytes.count
      let two = first + batches[1].bytes.count
      for limit in [0, 1, first - 1, first, first + 1, two - 1, two, two + 1, 5_000, 1 << 30] {
        for minOne in [false, true] {
          let answer = try partition.read(from: 0, maxBytes: UInt64(limit), minOneBatch: minOne)
          try expect(answer.outcome == .batches, "a read at 0 with max_bytes \(limit) is not OK")
          try expect(
            !answer.batches.isEmpty || (limit < first && !minOne),
            "max_bytes \(limit), min_one_batch \(minOne ? 1 : 0): the first batch has "
              + "\(first) bytes but nothing was answered"
          )
          try expectPrefix(answer, of: batches, from: 0)
        }
      }
      let unlimited = try partition.read(from: 0, maxBytes: .max)
      try expectPrefix(unlimited, of: batches, from: 0)
    }
  },

  ContractRule("read.end-offset", "No batch whose base offset is at or beyond end_offset is answered.", needs: append) {
    (context) throws(RuleEnd) in
    try withFilledPartition(context) { (partition, batches) throws(RuleEnd) in
      for batch in batches {
        for end in [batch.baseOffset, batch.baseOffset + 1, batch.nextOffset] {
          for offset in [Int64(0), batch.baseOffset] {
            let answer = try partition.read(from: offset, below: end)
            try expect(answer.outcome == .batches, "a read at \(offset) with end_offset \(end) is not OK")
            try expect(
              answer.batches.isEmpty == (end <= offset),
              "a read at \(offset) with end_offset \(end) answered \(answer.ranges)")
            try expectPrefix(answer, of: batches, from: offset)
          }
        }
      }
    }
  },

  ContractRule(
    "read.extent-capacity", "An answer has at most as many extents as there is room for, and goes on from there.",
    needs: append
  ) {
    (context) throws(RuleEnd) in
    try withFilledPartition(context) { (partition, batches) throws(RuleEnd) in
      for capacity in [1, 2, 3, 7] {
        let bytes = try partition.readAll(from: 0, capacity: capacity)
        try expect(
          same(bytes, batches.allBytes), "reading on with \(capacity) extents gives other bytes than were appended")
      }
    }
  },

  ContractRule("read.miss", "An offset that is not held is a MISS.", needs: append) { (context) throws(RuleEnd) in
    try withFilledPartition(context, from: 100) { (partition, batches) throws(RuleEnd) in
      let end = batches.last!.nextOffset
      for offset in [Int64.min, -1, 0, 99, end, end + 1, Int64.max] {
        let answer = try partition.read(from: offset)
        try expect(
          answer.outcome == .miss, "a read at \(offset) outside [100, \(end)) answered \(answer.ranges) instead of MISS"
        )
      }
    }
  },

  ContractRule(
    "read.nonblocking", "A nonblocking read answers as the blocking one, or says WOULD_BLOCK.", needs: append
  ) {
    (context) throws(RuleEnd) in
    try withFilledPartition(context) { (partition, batches) throws(RuleEnd) in
      for offset in stride(from: 0, to: batches.last!.nextOffset + 5, by: 3) {
        let answer = try partition.read(from: offset, nonblocking: true)
        if answer.outcome == .wouldBlock { continue }
        let blocking = try partition.read(from: offset)
        try expect(
          answer.outcome == blocking.outcome, "a nonblocking read at \(offset) ended otherwise than a blocking one")
        if answer.outcome == .batches { try expectPrefix(answer, of: batches, from: offset) }
      }
    }
  },

  ContractRule(
    "read.find-timestamp", "The first batch in the range whose maxTimestamp reaches a time is found.", needs: append
  ) {
    (context) throws(RuleEnd) in
    try withFilledPartition(context) { (partition, batches) throws(RuleEnd) in
      guard partition.tier.table.find_timestamp != nil else { throw .notApplicable("the tier has no find_timestamp") }
      let end = batches.last!.nextOffset
      let times = batches.map(\.maxTimestamp)
      for time in times + [times.min()! - 1, times.max()!, times.max()! + 1, 0] {
        let ranges = [
          Int64(0)..<end, batches[3].baseOffset + 1..<end, 0..<batches[4].baseOffset, end..<end + 5, 2..<2,
        ]
        for range in ranges {
          try expectTimestamp(partition, time, range, batches)
        }
      }
    }
  },
]

/// 30 batches of many sizes in a partition that is closed afterwards.
private func withFilledPartition(
  _ context: RuleContext, from offset: Int64 = 0,
  _ body: (ProbePartition, [ContractBatch]) throws(RuleEnd) -> Void
) throws(RuleEnd) {
  var factory = context.batches()
  let tier = try context.start()
  let partition = try tier.open(at: offset)
  var batches = factory.run(from: offset, count: 20)
  batches += factory.run(from: batches.last!.nextOffset, count: 10, valueByteCountMax: 6_000)
  try partition.append(Array(batches[..<7]))
  for batch in batches[7...] { try partition.append([batch]) }
  try body(partition, batches)
  partition.close()
  try tier.end()
}

/// The answer has to be the batches from the one that contains `offset` on, as far as it goes.
func expectPrefix(_ answer: ProbeAnswer, of batches: [ContractBatch], from offset: Int64) throws(RuleEnd) {
  let expected = batches.drop { $0.nextOffset <= offset }.prefix(answer.batches.count)
  try expect(
    same(answer.bytes, Array(expected).allBytes),
    "a read at \(offset) answered \(answer.ranges) with other bytes than were appended")
}

private func expectTimestamp(
  _ partition: ProbePartition, _ time: Int64, _ range: Range<Int64>, _ batches: [ContractBatch]
) throws(RuleEnd) {
  let find = partition.tier.table.find_timestamp!
  var request = chronik_timestamp_request(
    struct_size: UInt32(MemoryLayout<chronik_timestamp_request>.size), flags: 0, timestamp: time,
    start_offset: range.lowerBound, end_offset: range.upperBound)
  var result = chronik_timestamp_result()
  result.struct_size = UInt32(MemoryLayout<chronik_timestamp_result>.size)
  let reply = try call("find_timestamp") { find(partition.tier.raw, partition.raw, &request, &result, $0) }
  let wanted = batches.first {
    !range.isEmpty && $0.nextOffset > range.lowerBound && $0.baseOffset < range.upperBound && $0.maxTimestamp >= time
  }
  let what = "find_timestamp of \(time) in [\(range.lowerBound), \(range.upperBound))"
  guard let wanted else {
    try expect(reply.status == CHRONIK_MISS, "\(what) returned \(reply.text) instead of MISS")
    return
  }
  try expect(reply.isOK, "\(what) returned \(reply.text)")
  try expect(
    result.base_offset == wanted.baseOffset && result.max_timestamp == wanted.maxTimestamp,
    "\(what) found \(result.base_offset) with \(result.max_timestamp) instead of "
      + "\(wanted.baseOffset) with \(wanted.maxTimestamp)"
  )
}
