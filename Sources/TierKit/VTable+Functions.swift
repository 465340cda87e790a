import TierAPI

/// The C functions, grouped as in `tier.h`. Every one is a non-capturing closure over the boxes of `VTable.swift`.
extension VTable {
  /// Writes every slot: zero (not offered) first, then what the abilities demand.
  static func fillTable(
    _ target: UnsafeMutablePointer<chronik_tier>, _ create: @escaping Create, _ description: TierDescription
  ) {
    let abilities = description.abilities
    let size = MemoryLayout<chronik_tier>.size
    UnsafeMutableRawPointer(target).initializeMemory(as: UInt8.self, repeating: 0, count: size)
    target.pointee.struct_size = UInt32(size)
    target.pointee.create = create
    setLifecycle(&target.pointee)
    setPartitions(&target.pointee)
    setReading(&target.pointee)
    if abilities.contains(.append) { setAppending(&target.pointee) }
    if abilities.contains(.durable) { setFlush(&target.pointee) }
    if !abilities.isDisjoint(with: [.append, .import]) { setAdvanceStart(&target.pointee) }
    if !abilities.isDisjoint(with: [.seal, .import, .rewrite]) { setSegments(&target.pointee) }
    if description.omits.contains(.findTimestamp) { target.pointee.find_timestamp = nil }
    if description.omits.contains(.listPartitions) { target.pointee.list_partitions = nil }
  }

  private static func setLifecycle(_ table: inout chronik_tier) {
    table.destroy = { Unmanaged<TierBox>.fromOpaque($0).release() }
    table.start = { me, message in
      VTable.report(message) { () throws(TierError) in
        try me.tier.start()
        return CHRONIK_OK
      }
    }
    table.stop = { $0.tier.stop() }
    table.get_extension = { me, id in me.tier.extension(String(cString: id)) }
    table.list_partitions = { me, visit, context, message in
      VTable.report(message) { () throws(TierError) in
        for id in try me.tier.listPartitions() { id.withRaw { visit(context, $0) } }
        return CHRONIK_OK
      }
    }
  }

  private static func setPartitions(_ table: inout chronik_tier) {
    table.open_partition = { me, id, settings, initialOffset, out, message in
      VTable.report(message) { () throws(TierError) in
        let partition = try me.tier.openPartition(
          PartitionID(id), settings: PartitionSettings(settings), initialOffset: initialOffset)
        out.pointee = Unmanaged.passRetained(PartitionBox(partition)).toOpaque()
        return CHRONIK_OK
      }
    }
    table.close_partition = { _, partition in
      partition.partition.close()
      Unmanaged<PartitionBox>.fromOpaque(partition).release()
    }
    table.delete_partition = { me, id, message in
      VTable.report(message) { () throws(TierError) in
        try me.tier.deletePartition(PartitionID(id))
        return CHRONIK_OK
      }
    }
    table.configure_partition = { _, partition, settings, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.configure(PartitionSettings(settings))
        return CHRONIK_OK
      }
    }
    table.state = { _, partition, out in partition.partition.state.write(to: out) }
  }

  private static func setAppending(_ table: inout chronik_tier) {
    table.append = { _, partition, batches, count, flags, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.append(
          UnsafeBufferPointer(start: batches, count: count), nonblocking: flags & CHRONIK_NONBLOCKING != 0
        ).status
      }
    }
    table.truncate = { _, partition, offset, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.truncate(to: offset)
        return CHRONIK_OK
      }
    }
  }

  private static func setAdvanceStart(_ table: inout chronik_tier) {
    table.advance_start = { _, partition, offset, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.advanceStart(to: offset)
        return CHRONIK_OK
      }
    }
  }

  private static func setFlush(_ table: inout chronik_tier) {
    table.flush = { me, partitions, count, results, message in
      let objects = UnsafeBufferPointer(start: partitions, count: count).map { $0.partition }
      var status = CHRONIK_OK
      let answers = me.tier.flush(objects)
      for index in 0..<count {
        let missing = Result<Int64, TierError>.failure(TierError(.permanent, "flush answered for too few partitions"))
        switch index < answers.count ? answers[index] : missing {
        case .success(let end):
          results[index] = chronik_flush_result(status: CHRONIK_OK, reserved: 0, durable_end_offset: end)
        case .failure(let error):
          results[index] = chronik_flush_result(status: error.code.rawValue, reserved: 0, durable_end_offset: -1)
          if status == CHRONIK_OK { status = error.report(into: message) }
        }
      }
      return status
    }
  }

  private static func setReading(_ table: inout chronik_tier) {
    table.read = { _, partition, request, result, message in
      let answer = ReadAnswer(result)
      let status = VTable.report(message) { () throws(TierError) in
        try partition.partition.read(ReadRequest(request), into: answer).status
      }
      if status != CHRONIK_OK { answer.discard() }
      return status
    }
    table.find_timestamp = { _, partition, request, result, message in
      VTable.report(message) { () throws(TierError) in
        let wanted = request.pointee
        guard wanted.start_offset < wanted.end_offset else { return CHRONIK_MISS }
        switch try partition.partition.findTimestamp(
          wanted.timestamp, in: wanted.start_offset..<wanted.end_offset,
          nonblocking: wanted.flags & CHRONIK_NONBLOCKING != 0)
        {
        case .found(let baseOffset, let maxTimestamp):
          result.pointee.base_offset = baseOffset
          result.pointee.max_timestamp = maxTimestamp
          return CHRONIK_OK
        case .miss: return CHRONIK_MISS
        case .wouldBlock: return CHRONIK_WOULD_BLOCK
        }
      }
    }
  }

  private static func setSegments(_ table: inout chronik_tier) {
    table.segments = { _, partition, offset, out, capacity, outCount, message in
      outCount.pointee = 0
      return VTable.report(message) { () throws(TierError) in
        let list = try partition.partition.segments(from: offset, limit: capacity)
        for (index, segment) in list.prefix(capacity).enumerated() { out[index] = segment }
        outCount.pointee = min(list.count, capacity)
        return CHRONIK_OK
      }
    }
    table.seal = { _, partition, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.seal()
        return CHRONIK_OK
      }
    }
    table.evict = { _, partition, offset, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.evict(before: offset)
        return CHRONIK_OK
      }
    }
    table.import_segment = { _, partition, segment, extents, count, attempt, cancelled, context, message in
      VTable.report(message) { () throws(TierError) in
        try partition.partition.importSegment(
          segment.pointee, UnsafeBufferPointer(start: extents, count: count),
          attempt: Array(UnsafeBufferPointer(start: attempt, count: 16)), isCancelled: { cancelled(context) != 0 })
        return CHRONIK_OK
      }
    }
    table.replace_segments = { _, partition, first, next, extents, count, message in
      VTable.report(message) { () throws(TierError) in
        guard first <= next else { throw TierError(.permanent, "replace_segments: \(first) is after \(next)") }
        try partition.partition.replaceSegments(first..<next, with: UnsafeBufferPointer(start: extents, count: count))
        return CHRONIK_OK
      }
    }
  }
}
