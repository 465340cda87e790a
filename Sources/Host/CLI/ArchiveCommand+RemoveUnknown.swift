import ArgumentParser
import Configuration
import Glibc
import KafkaProtocol
import PluginLoader
import TierAPI

extension ArchiveCommand {
  struct RemoveUnknown: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List, and with --topic-id delete, topics that the broker's catalogue does not know.",
      discussion: """
        An archive keeps what belongs to no topic of the catalogue: the
        catalogue may be the one that is wrong. Deleting is for ever; it needs
        the id of each topic, and --yes where nobody can be asked.
        Prints one JSON object when the output is no terminal.

        Examples:
          chronik archive remove-unknown
          chronik archive remove-unknown --topic-id=DLUDnHlXScWaE7rzWkkQ2Q --yes

        Exit codes: 0 all that was asked for was done, 1 it was not, 64 wrong
        usage, 78 wrong configuration.
        """)
    @OptionGroup var options: Options
    @Option(
      name: .long,
      help: ArgumentHelp(
        "Delete this topic; may be given several times. Write --topic-id=ID when it begins with a dash.",
        valueName: "id"))
    var topicID: [String] = []
    @Flag(name: .long, help: "Print what would be deleted and delete nothing.") var dryRun = false
    @Flag(name: .long, help: "Do not ask.") var yes = false
    @Flag(name: .long, help: "Print one JSON object.") var json = false

    func run() throws {
      let offline = try options.open()
      defer { offline.close() }
      try ArchiveOutput.run {
        let unknown = try offline.unknownTopics()
        let chosen = try choose(among: unknown)
        let isListing = topicID.isEmpty || dryRun
        let rows = try (topicID.isEmpty ? unknown : chosen).map { try UnknownTopicSize($0, offline.archive.tier) }
        if isListing { return show(rows, isDeleted: false, pending: nil, offline.name) }
        try confirm(rows)
        let pending = try delete(rows, offline)
        show(rows, isDeleted: true, pending: pending, offline.name)
      }
    }

    private func choose(among unknown: [UnknownTopic]) throws -> [UnknownTopic] {
      try topicID.map { text in
        guard let id = KafkaUUID(text) else {
          throw CommandFailure("\(text) is not a topic id: one has 22 characters, as this command prints them")
        }
        guard let topic = unknown.first(where: { $0.id == id }) else {
          throw CommandFailure(
            "\(text) is not among the unknown topics of this archive: it holds nothing of that topic, or the catalogue "
              + "has it and the broker deletes it")
        }
        return topic
      }
    }

    private func confirm(_ rows: [UnknownTopicSize]) throws {
      if yes { return }
      guard isatty(STDIN_FILENO) == 1 else {
        throw CommandFailure("nothing was deleted: nobody can be asked here; say --yes")
      }
      for row in rows {
        Terminal.complain(
          "\(row.topic.key): \(row.topic.partitions.count) partitions with "
            + "\(row.byteCount) bytes of records go for ever.\n"
            + "Type the topic's name to delete it:")
        guard readLine() == row.topic.name else { throw CommandFailure("nothing was deleted") }
      }
    }

    /// Returns how many deletions are still to be carried out.
    private func delete(_ rows: [UnknownTopicSize], _ offline: OfflineArchive) throws -> UInt64 {
      for row in rows {
        for partition in row.topic.partitions { try offline.archive.tier.delete(partition) }
      }
      let bar = ProgressLine("deleting")
      defer { bar.end() }
      return try offline.archive.finishDeletions { bar.show($0, $1) }?.pendingDeletions ?? UInt64(rows.count)
    }

    private func show(_ rows: [UnknownTopicSize], isDeleted: Bool, pending: UInt64?, _ name: String) {
      if json || isatty(STDOUT_FILENO) == 0 {
        return Terminal.say(
          JSONText.object([
            ("topics", JSONText.array(rows.map(\.json))), ("deleted", isDeleted ? "true" : "false"),
            ("pending_deletions", pending.map { String($0) } ?? "null"),
          ]))
      }
      if rows.isEmpty { return Terminal.say("\(name): the catalogue knows every topic") }
      let head = ["TOPIC", "ID", "PARTITIONS", "SEGMENTS", "BYTES"]
      Terminal.say(Terminal.table([head] + rows.map(\.row)))
      if isDeleted {
        let left = pending ?? 0
        Terminal.say(left == 0 ? "deleted" : "deleted; \(left) deletions go on when the broker runs")
      } else {
        Terminal.say("nothing was deleted" + (topicID.isEmpty ? "; say which with --topic-id" : ""))
      }
    }
  }
}

/// An unknown topic and how much of it there is.
private struct UnknownTopicSize {
  let topic: UnknownTopic
  /// Of record batches.
  var byteCount: Int64 = 0
  var segmentCount = 0

  /// Blocks; opens each partition for a moment.
  init(_ topic: UnknownTopic, _ tier: TierHandle) throws {
    self.topic = topic
    for id in topic.partitions {
      let settings = chronik_partition_settings(
        struct_size: UInt32(MemoryLayout<chronik_partition_settings>.size), reserved: 0, segment_bytes: 1 << 30,
        segment_ms: -1, index_interval_bytes: 4096, local_retention_ms: -1, local_retention_bytes: -1)
      let partition = try tier.open(id, settings: settings, initialOffset: 0)
      defer { partition.close() }
      byteCount += partition.state.byte_count
      segmentCount += try partition.allSegments().count
    }
  }

  var row: [String] {
    [topic.name, "\(topic.id)", "\(topic.partitions.count)", "\(segmentCount)", "\(byteCount)"]
  }

  var json: String {
    JSONText.object([
      ("topic", JSONText.string(topic.name)), ("topic_id", JSONText.string("\(topic.id)")),
      ("partitions", JSONText.array(topic.partitions.map { String($0.partition) })),
      ("segments", String(segmentCount)), ("record_bytes", String(byteCount)),
    ])
  }
}
