import KafkaProtocol
import PluginLoader

/// The partitions of one search, held open until ``leave()``.
struct SearchScope {
  let topicID: KafkaUUID
  /// In the order of the targets.
  let logs: [PartitionLog]
  let numbers: [Int32]
  let targets: [SearchTarget]

  /// Finds the partitions that the query means and keeps them open. Those without an offset in the query's range have
  /// an empty one, because a cursor counts partitions and has to count the same ones on the next page. `tierIndex` is
  /// the searching tier's place in the chain.
  init(_ query: SearchQuery, topics: Topics, tierIndex: Int) throws(SearchRefusal) {
    guard let topic = topics.topic(query.topic) else { throw .unknownTopic(query.topic) }
    let all = topic.partitions
    let wanted = query.partitions.map { $0.sorted() } ?? all.indices.map { Int32($0) }
    for number in wanted where number < 0 || number >= all.count {
      throw .unknownPartition(topic: query.topic, partition: number, count: all.count)
    }
    var logs: [PartitionLog] = []
    var numbers: [Int32] = []
    var targets: [SearchTarget] = []
    for number in wanted {
      let log = all[Int(number)]
      guard log.enter() else {
        for entered in logs { entered.leave() }
        throw .unknownTopic(query.topic)
      }
      let offsets = log.offsets
      let first = max(offsets.logStartOffset, query.offsetFrom)
      let end = min(offsets.lastStableOffset, query.offsetTo)
      logs.append(log)
      numbers.append(number)
      targets.append(
        SearchTarget(
          partition: log.chain.partitions[tierIndex], range: first..<max(first, end),
          readable: offsets.logStartOffset..<max(offsets.logStartOffset, end, offsets.highWatermark)))
    }
    topicID = topic.id
    self.logs = logs
    self.numbers = numbers
    self.targets = targets
  }

  /// Lets go of the partitions. Called once.
  func leave() {
    for log in logs { log.leave() }
  }
}
