import KafkaProtocol
import Testing

@testable import Host

@Suite("What the broker serves")
struct HandlerTableTests {
  /// What any producer, consumer and admin tool needs, at the versions that living clients send.
  private static let needed: [(APIKey, ClosedRange<Int16>)] = [
    (.produce, 3...11), (.fetch, 4...16), (.listOffsets, 1...9), (.metadata, 0...12), (.offsetCommit, 2...9),
    (.offsetFetch, 1...9), (.findCoordinator, 0...4), (.joinGroup, 0...9), (.heartbeat, 0...4), (.leaveGroup, 0...5),
    (.syncGroup, 0...5), (.describeGroups, 0...5), (.listGroups, 0...4), (.deleteGroups, 0...2), (.apiVersions, 0...4),
    (.createTopics, 2...7), (.deleteTopics, 1...6), (.createPartitions, 0...3), (.deleteRecords, 0...2),
    (.initProducerId, 0...4), (.offsetForLeaderEpoch, 2...4), (.describeConfigs, 1...4), (.alterConfigs, 0...2),
    (.incrementalAlterConfigs, 0...1), (.describeLogDirs, 1...4), (.describeCluster, 0...1),
    (.describeTopicPartitions, 0...0), (.offsetDelete, 0...0), (.describeProducers, 0...0), (.describeAcls, 1...3),
    (.createAcls, 1...3), (.deleteAcls, 1...3),
  ]

  @Test("every API that clients need is served at every version that they need")
  func complete() {
    for (api, versions) in Self.needed {
      let row = HandlerTable.rows.first { $0.api == api }
      #expect(
        row.map { $0.versions.contains(versions.lowerBound) && $0.versions.contains(versions.upperBound) } == true,
        "\(api)")
    }
  }

  @Test("what is served can be decoded, and only Produce is listed wider than it is served")
  func honest() {
    for row in HandlerTable.rows {
      #expect(row.messageVersions.lowerBound <= row.versions.lowerBound, "\(row.api)")
      #expect(row.messageVersions.upperBound >= row.versions.upperBound, "\(row.api)")
      #expect(row.advertisedVersions == row.versions || row.api == .produce, "\(row.api)")
    }
  }

  @Test(
    "a partition can be moved to where it is, and nowhere else",
    arguments: [
      ([1], ErrorCode.none), (nil, .noReassignmentInProgress), ([], .invalidReplicaAssignment),
      ([1, 1], .invalidReplicaAssignment), ([2], .invalidReplicaAssignment), ([1, 2], .invalidReplicaAssignment),
    ] as [([Int32]?, ErrorCode)])
  func reassignment(replicas: [Int32]?, code: ErrorCode) {
    #expect(AlterPartitionReassignmentsHandler.check(replicas, nodeID: 1)?.code ?? .none == code)
  }
}
