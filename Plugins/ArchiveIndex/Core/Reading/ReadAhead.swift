import ArchiveFormat
import TierKit

/// Who reads a partition from front to back, and how far each is to be read ahead of. Pure.
struct SequentialStreams {
  private struct Stream {
    /// Where the next read begins if the reader goes on.
    var next: Int64
    /// Compressed bytes; 0 until the second read.
    var window: Int
    var isBusy: Bool
    var use: Int
  }

  private var streams: [Stream] = []
  private var clock = 0

  /// Notes a read and returns how many compressed bytes behind `end` should be there soon; nil: none, because nobody
  /// reads on here, or because the last order for this reader is still being carried out.
  mutating func note(from start: Int64, to end: Int64, windowMax: Int) -> Int? {
    clock += 1
    guard end > start else { return nil }
    guard let index = streams.firstIndex(where: { $0.next == start }) else {
      let stream = Stream(next: end, window: 0, isBusy: false, use: clock)
      if streams.count < Limits.streamsPerPartition {
        streams.append(stream)
      } else if let oldest = streams.indices.filter({ !streams[$0].isBusy }).min(by: {
        streams[$0].use < streams[$1].use
      }) {
        streams[oldest] = stream
      }
      return nil
    }
    streams[index].next = end
    streams[index].use = clock
    guard !streams[index].isBusy else { return nil }
    let doubled = max(Limits.readAheadMin, 2 * streams[index].window)
    streams[index].window = min(doubled, windowMax)
    streams[index].isBusy = true
    return streams[index].window
  }

  /// An order for a reader who has come as far as `offset` or farther was carried out.
  mutating func finish(from offset: Int64) {
    // Which of several busy readers it was does not matter: each is freed by an order of its own.
    let index = streams.indices.filter { streams[$0].isBusy && streams[$0].next >= offset }
      .min { streams[$0].next < streams[$1].next }
    if let index { streams[index].isBusy = false }
  }
}

extension ArchivePartition {
  /// Lets the pool fetch what a sequential reader is going to need. Does not block.
  func noteRead(from start: Int64, to end: Int64, _ objects: PartitionObjects) {
    let windowMax = environment.configuration.readAheadByteCount
    guard windowMax > 0, environment.chunks.isEnabled else { return }
    guard let window = streams.withLock({ $0.note(from: start, to: end, windowMax: windowMax) }) else { return }
    let isAccepted = environment.readAhead.add { [self] in
      do throws(TierError) {
        try environment.readAhead(objects, from: end, byteCount: window)
      } catch {
        // The reader itself will meet the trouble and report it.
        environment.host.addToCounter("read_ahead_failures", 1)
      }
      streams.withLock { $0.finish(from: end) }
    }
    if !isAccepted { streams.withLock { $0.finish(from: end) } }
  }
}

extension ArchiveEnvironment {
  /// Fetches into the chunk cache what follows `offset`, so many compressed bytes of frames, across objects. Blocks.
  func readAhead(_ objects: PartitionObjects, from offset: Int64, byteCount: Int) throws(TierError) {
    var rest = byteCount
    var offset = offset
    while rest > 0, let object = objects.object(for: offset), object.name.offsets.contains(offset) {
      let call = access.call()
      let footer = try footers.load(object, call).footer
      let reader = ArchiveReader(source: ObjectSource(object: object, chunks: chunks, call: call), footer: footer)
      var ranges: [Range<Int>] = []
      var index = reader.frame(containing: offset)
      while index < footer.frames.count, rest > 0 {
        let range = reader.bytes(ofFrame: index)
        if frames.frame(object.name, index) == nil { ranges.append(range) }
        rest -= range.count
        index += 1
      }
      guard try chunks.prefetch(object, ranges, call) else { return }
      offset = object.name.lastOffset + 1
    }
  }
}

/// A few threads for orders that wait for the store, a bounded queue of them. Thread-safe.
package final class ReadAheadPool: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var isRunning = false
    var runningCount = 0
  }

  private let state = Guarded(State())
  private let threads = Guarded<[WorkerThread]>([])

  func start(threadCount: Int, _ priority: ThreadPriority = .normal) {
    state.withLock { $0.isRunning = true }
    threads.withLock { threads in
      threads = (0..<threadCount).map { _ in WorkerThread(priority) { [self] in work() } }
    }
  }

  /// Drops what waits and joins the threads.
  func stop() {
    state.change { state in
      state.isRunning = false
      state.jobs = []
    }
    let ending = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in ending { thread.join() }
  }

  /// False when the queue is full or the pool stopped; the job then does not run.
  func add(_ job: @escaping @Sendable () -> Void) -> Bool {
    state.change { state in
      guard state.isRunning, state.jobs.count < Limits.readAheadQueueMax else { return false }
      state.jobs.append(job)
      return true
    }
  }

  /// Runs what waits on the caller's thread: for tests, which start no threads.
  func drain() {
    while let job = state.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) { job() }
  }

  private func work() {
    while true {
      let job = state.wait { state -> (@Sendable () -> Void)?? in
        if !state.isRunning { return .some(nil) }
        // Written out: a conditional expression would make "nothing yet" an answer.
        guard !state.jobs.isEmpty else { return nil }
        return .some(state.jobs.removeFirst())
      }
      guard let job else { return }
      job()
    }
  }
}
