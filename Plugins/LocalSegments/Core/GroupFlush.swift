import TierKit

/// Flushes of many partitions at once: through the commit log when that is worth it, otherwise file by file, in
/// parallel.
struct GroupFlush {
  let workers: WorkerPool
  let commitLog: CommitLog
  /// A flush of fewer dirty partitions syncs their files.
  let loggedPartitionsMin: Int
  /// A partition with more bytes to flush has its own file synced.
  let loggedByteCountMax: Int64

  private struct Part {
    /// Its place among the partitions.
    let index: Int
    let ticket: FlushTicket
  }

  /// One result for each partition, in order. Blocks.
  func run(_ logs: [PartitionLog]) -> [Result<Int64, TierError>] {
    if logs.count == 1 { return [logs[0].flush()] }
    var results: [Result<Int64, TierError>] = []
    results.reserveCapacity(logs.count)
    var parts: [Part] = []
    parts.reserveCapacity(logs.count)
    for (index, log) in logs.enumerated() {
      do throws(TierError) {
        guard let ticket = try log.makeTicket(.unsafe) else {
          results.append(.success(log.published.withLock { $0.durableEnd }))
          continue
        }
        results.append(.success(-1))
        parts.append(Part(index: index, ticket: ticket))
      } catch {
        results.append(.failure(error))
      }
    }
    let direct = logTogether(parts, logs, &results)
    for (index, error) in sync(direct, logs) { results[index] = .failure(error) }
    finish(direct, logs, &results)
    return results
  }

  /// Flushes through the commit log what it takes and returns the rest.
  private func logTogether(
    _ parts: [Part], _ logs: [PartitionLog], _ results: inout [Result<Int64, TierError>]
  ) -> [Part] {
    func isSuitable(_ part: Part) -> Bool {
      part.ticket.isLoggable && logs[part.index].hasTopicID
        && part.ticket.files.reduce(0) { $0 + $1.byteCount - $1.durable } <= loggedByteCountMax
    }
    guard commitLog.isUsable, parts.count >= loggedPartitionsMin else { return parts }
    var rest: [Part] = []
    let suitable = parts.filter { part in
      let isSuitable = isSuitable(part)
      if !isSuitable { rest.append(part) }
      return isSuitable
    }
    guard suitable.count >= loggedPartitionsMin else { return parts }
    let outcomes = commitLog.log(suitable.map { CommitLog.Request(logs[$0.index], $0.ticket) })
    for (part, outcome) in zip(suitable, outcomes) {
      switch outcome {
      case .logged: results[part.index] = .success(logs[part.index].completeLogged(part.ticket))
      case .unlogged: rest.append(part)
      case .failed(let error): results[part.index] = .failure(error)
      }
    }
    return rest
  }

  private func sync(_ parts: [Part], _ logs: [PartitionLog]) -> [(Int, TierError)] {
    let items = parts.flatMap { part in part.ticket.files.map { (part.index, $0) } }
    var errors = [TierError?](repeating: nil, count: items.count)
    errors.withUnsafeMutableBufferPointer { slots in
      // Each index is written by the one thread that syncs it.
      nonisolated(unsafe) let slots = slots
      workers.run(items.count) { slots[$0] = logs[items[$0].0].sync(items[$0].1) }
    }
    return zip(items, errors).compactMap { item, error in error.map { (item.0, $0) } }
  }

  private func finish(_ parts: [Part], _ logs: [PartitionLog], _ results: inout [Result<Int64, TierError>]) {
    results.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      func finish(_ index: Int, _ ticket: FlushTicket) {
        if case .failure = slots[index] { return }
        do throws(TierError) {
          slots[index] = .success(try logs[index].complete(ticket))
        } catch {
          slots[index] = .failure(error)
        }
      }
      for part in parts where !part.ticket.syncsDirectory { finish(part.index, part.ticket) }
      let slow = parts.filter(\.ticket.syncsDirectory)
      workers.run(slow.count) { finish(slow[$0].index, slow[$0].ticket) }
    }
  }
}
