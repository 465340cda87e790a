import DequeModule

/// Which partitions are opened next, when several topics are created or grow at the same time. Pure.
///
/// Each turn takes partitions of the topics in the order in which they stand; a topic of which more are left goes to
/// the end. So a small topic waits for one turn behind a large one, not for all of it.
struct OpeningQueue<Opened> {
  /// A partition to open.
  struct Place: Sendable {
    var record: TopicRecord
    var number: Int32
  }

  /// A topic that needs nothing more, with what was opened for it in order of partition number. After a failure that
  /// may be any part of it.
  struct Ended {
    var record: TopicRecord
    var opened: [Opened]
    var failure: (any Error)?
  }

  private struct Job {
    var record: TopicRecord
    var rest: Range<Int32>
    var opened: [Opened] = []
    var failure: (any Error)?
  }

  private var jobs: Deque<Job> = []

  var isEmpty: Bool { jobs.isEmpty }

  /// Whether partitions of the topic with this id are still to be opened.
  func contains(_ topicID: String) -> Bool { jobs.contains { $0.record.id == topicID } }

  /// `numbers` of the topic will be opened; they are not empty, and it is not in the queue.
  mutating func add(_ record: TopicRecord, _ numbers: Range<Int32>) {
    precondition(!numbers.isEmpty && !contains(record.id))
    jobs.append(Job(record: record, rest: numbers))
  }

  /// Up to `count` partitions to open now; ``put(_:)`` their results before the next turn.
  mutating func take(_ count: Int) -> [Place] {
    var places: [Place] = []
    for index in jobs.indices where places.count < count {
      let rest = jobs[index].rest
      let numbers = rest.prefix(count - places.count)
      places += numbers.map { Place(record: jobs[index].record, number: $0) }
      jobs[index].rest = numbers.endIndex..<rest.upperBound
    }
    return places
  }

  /// Takes the results of a turn, in its order, and gives the topics that are done with.
  mutating func put(_ results: [(place: Place, opened: Result<Opened, any Error>)]) -> [Ended] {
    for (place, opened) in results {
      guard let index = jobs.firstIndex(where: { $0.record.id == place.record.id }) else {
        preconditionFailure("a turn is over before a topic is taken out")
      }
      switch opened {
      case .success(let opened): jobs[index].opened.append(opened)
      case .failure(let error): jobs[index].failure = jobs[index].failure ?? error
      }
    }
    var ended: [Ended] = []
    var begun: [Job] = []
    var others: Deque<Job> = []
    let touched = Set(results.map(\.place.record.id))
    for job in jobs {
      if job.failure != nil || job.rest.isEmpty {
        ended.append(Ended(record: job.record, opened: job.opened, failure: job.failure))
      } else if touched.contains(job.record.id) {
        begun.append(job)
      } else {
        others.append(job)
      }
    }
    jobs = others + begun
    return ended
  }

  /// Takes a topic out; what was opened for it is the caller's to close. Nil when it is not in the queue.
  mutating func cancel(_ topicID: String) -> Ended? {
    guard let index = jobs.firstIndex(where: { $0.record.id == topicID }) else { return nil }
    let job = jobs.remove(at: index)
    return Ended(record: job.record, opened: job.opened, failure: nil)
  }

  /// Takes everything out.
  mutating func cancelAll() -> [Ended] {
    defer { jobs.removeAll() }
    return jobs.map { Ended(record: $0.record, opened: $0.opened, failure: nil) }
  }
}
