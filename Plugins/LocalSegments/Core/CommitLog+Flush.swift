import SegmentFormat
import TierKit

/// The flusher's side of the log.
extension CommitLog {
  struct Request {
    let log: PartitionLog
    let ticket: FlushTicket
    /// Bytes of the entries in the file.
    let byteCount: Int

    init(_ log: PartitionLog, _ ticket: FlushTicket) {
      self.log = log
      self.ticket = ticket
      let name = log.id.topic.utf8.count
      byteCount = ticket.files.reduce(0) { sum, item in
        sum + CommitLogFormat.entryByteCount(name: min(name, 255), data: Int(item.byteCount - item.durable))
      }
    }
  }

  enum Outcome {
    /// Durable, in the log.
    case logged
    /// Not in the log: the caller syncs the files.
    case unlogged
    /// The partition is read-only now.
    case failed(TierError)
  }

  /// Makes the tickets durable with one sync, as many of them as the log has room for; one outcome for each. Blocks,
  /// for a checkpoint when no file is free.
  func log(_ requests: [Request]) -> [Outcome] {
    var outcomes = [Outcome](repeating: .unlogged, count: requests.count)
    let fitting = fitting(requests)
    if fitting.count == 0 { return outcomes }
    for attempt in 0..<2 {
      let isFull = writing.withLock { state in
        guard let writer = makeWriter(&state, need: fitting.byteCount) else {
          return !state.files.isEmpty && state.failure == nil && !state.isStuck
        }
        write(requests[..<fitting.count], &outcomes, &state, writer)
        return false
      }
      guard isFull, attempt == 0 else { break }
      checkpoint(includingCurrent: false)
    }
    workIfDue()
    return outcomes
  }

  /// How many of the requests fit into an empty file, and their bytes with what a file needs besides.
  private func fitting(_ requests: [Request]) -> (count: Int, byteCount: Int) {
    let page = CommitLogFormat.pageByteCount
    var byteCount = CommitLogFormat.entryByteCount(name: 0, data: 0) + 2 * page
    var count = 0
    while count < requests.count, Int64(byteCount + requests[count].byteCount) <= fileByteCount - 2 * Int64(page) {
      byteCount += requests[count].byteCount
      count += 1
    }
    return (count, byteCount)
  }

  private func write(
    _ requests: ArraySlice<Request>, _ outcomes: inout [Outcome], _ state: inout State,
    _ writer: consuming CommitLogWriter
  ) {
    let current = state.files.count - 1
    let generation = state.files[current].generation
    var logged: [Int] = []
    logged.reserveCapacity(requests.count)
    for (index, request) in requests.enumerated() {
      let log = request.log
      // A release beside this flush did not cover what the ticket holds; what it was for has been made durable.
      guard log.published.withLock({ $0.releases == request.ticket.releases }) else { continue }
      if log.loggedGeneration != generation {
        log.loggedGeneration = generation
        state.files[current].partitions.append(log)
        state.entries[log.id] = generation
      }
      let isCopied = request.ticket.files.allSatisfy { item in
        writer.add(
          log.id, log.topicName, baseOffset: item.base, segment: item.file, position: item.durable,
          count: Int(item.byteCount - item.durable))
      }
      if isCopied { logged.append(index) }
    }
    switch finish(&state, writer) {
    case .synced: for index in logged { outcomes[index] = .logged }
    case .notWritten: break
    case .failed(let reason):
      for index in logged {
        outcomes[index] = .failed(requests[requests.startIndex + index].log.poison(reason, isReported: true))
      }
    }
  }
}
