/// Kafka's request kinds, as far as clients send them. Raw values are the numbers on the wire.
public enum APIKey: Int16, CaseIterable, Sendable, Hashable {
  case produce = 0
  case fetch = 1
  case listOffsets = 2
  case metadata = 3
  case offsetCommit = 8
  case offsetFetch = 9
  case findCoordinator = 10
  case joinGroup = 11
  case heartbeat = 12
  case leaveGroup = 13
  case syncGroup = 14
  case describeGroups = 15
  case listGroups = 16
  case saslHandshake = 17
  case apiVersions = 18
  case createTopics = 19
  case deleteTopics = 20
  case deleteRecords = 21
  case initProducerId = 22
  case offsetForLeaderEpoch = 23
  case addPartitionsToTxn = 24
  case addOffsetsToTxn = 25
  case endTxn = 26
  case writeTxnMarkers = 27
  case txnOffsetCommit = 28
  case describeAcls = 29
  case createAcls = 30
  case deleteAcls = 31
  case describeConfigs = 32
  case alterConfigs = 33
  case alterReplicaLogDirs = 34
  case describeLogDirs = 35
  case saslAuthenticate = 36
  case createPartitions = 37
  case deleteGroups = 42
  case electLeaders = 43
  case incrementalAlterConfigs = 44
  case alterPartitionReassignments = 45
  case listPartitionReassignments = 46
  case offsetDelete = 47
  case describeClientQuotas = 48
  case alterClientQuotas = 49
  case describeUserScramCredentials = 50
  case alterUserScramCredentials = 51
  case describeQuorum = 55
  case updateFeatures = 57
  case describeCluster = 60
  case describeProducers = 61
  case describeTransactions = 65
  case listTransactions = 66
  case consumerGroupHeartbeat = 68
  case consumerGroupDescribe = 69
  case getTelemetrySubscriptions = 71
  case pushTelemetry = 72
  case listConfigResources = 74
  case describeTopicPartitions = 75
  case shareGroupHeartbeat = 76
  case shareGroupDescribe = 77
  case shareFetch = 78
  case shareAcknowledge = 79
}

extension APIKey {
  /// Kafka's name and the first version with compact lengths and tagged fields. Request headers, response headers and
  /// bodies all follow this one number.
  private var row: (name: String, firstFlexibleVersion: Int16) {
    switch self {
    case .produce: ("Produce", 9)
    case .fetch: ("Fetch", 12)
    case .listOffsets: ("ListOffsets", 6)
    case .metadata: ("Metadata", 9)
    case .offsetCommit: ("OffsetCommit", 8)
    case .offsetFetch: ("OffsetFetch", 6)
    case .findCoordinator: ("FindCoordinator", 3)
    case .joinGroup: ("JoinGroup", 6)
    case .heartbeat: ("Heartbeat", 4)
    case .leaveGroup: ("LeaveGroup", 4)
    case .syncGroup: ("SyncGroup", 4)
    case .describeGroups: ("DescribeGroups", 5)
    case .listGroups: ("ListGroups", 3)
    case .saslHandshake: ("SaslHandshake", Self.neverFlexible)
    case .apiVersions: ("ApiVersions", 3)
    case .createTopics: ("CreateTopics", 5)
    case .deleteTopics: ("DeleteTopics", 4)
    case .deleteRecords: ("DeleteRecords", 2)
    case .initProducerId: ("InitProducerId", 2)
    case .offsetForLeaderEpoch: ("OffsetForLeaderEpoch", 4)
    case .addPartitionsToTxn: ("AddPartitionsToTxn", 3)
    case .addOffsetsToTxn: ("AddOffsetsToTxn", 3)
    case .endTxn: ("EndTxn", 3)
    case .writeTxnMarkers: ("WriteTxnMarkers", 1)
    case .txnOffsetCommit: ("TxnOffsetCommit", 3)
    case .describeAcls: ("DescribeAcls", 2)
    case .createAcls: ("CreateAcls", 2)
    case .deleteAcls: ("DeleteAcls", 2)
    case .describeConfigs: ("DescribeConfigs", 4)
    case .alterConfigs: ("AlterConfigs", 2)
    case .alterReplicaLogDirs: ("AlterReplicaLogDirs", 2)
    case .describeLogDirs: ("DescribeLogDirs", 2)
    case .saslAuthenticate: ("SaslAuthenticate", 2)
    case .createPartitions: ("CreatePartitions", 2)
    case .deleteGroups: ("DeleteGroups", 2)
    case .electLeaders: ("ElectLeaders", 2)
    case .incrementalAlterConfigs: ("IncrementalAlterConfigs", 1)
    case .alterPartitionReassignments: ("AlterPartitionReassignments", 0)
    case .listPartitionReassignments: ("ListPartitionReassignments", 0)
    case .offsetDelete: ("OffsetDelete", Self.neverFlexible)
    case .describeClientQuotas: ("DescribeClientQuotas", 1)
    case .alterClientQuotas: ("AlterClientQuotas", 1)
    case .describeUserScramCredentials: ("DescribeUserScramCredentials", 0)
    case .alterUserScramCredentials: ("AlterUserScramCredentials", 0)
    case .describeQuorum: ("DescribeQuorum", 0)
    case .updateFeatures: ("UpdateFeatures", 0)
    case .describeCluster: ("DescribeCluster", 0)
    case .describeProducers: ("DescribeProducers", 0)
    case .describeTransactions: ("DescribeTransactions", 0)
    case .listTransactions: ("ListTransactions", 0)
    case .consumerGroupHeartbeat: ("ConsumerGroupHeartbeat", 0)
    case .consumerGroupDescribe: ("ConsumerGroupDescribe", 0)
    case .getTelemetrySubscriptions: ("GetTelemetrySubscriptions", 0)
    case .pushTelemetry: ("PushTelemetry", 0)
    case .listConfigResources: ("ListConfigResources", 0)
    case .describeTopicPartitions: ("DescribeTopicPartitions", 0)
    case .shareGroupHeartbeat: ("ShareGroupHeartbeat", 0)
    case .shareGroupDescribe: ("ShareGroupDescribe", 0)
    case .shareFetch: ("ShareFetch", 0)
    case .shareAcknowledge: ("ShareAcknowledge", 0)
    }
  }

  private static var neverFlexible: Int16 { .max }

  /// Kafka's name, for example "ListOffsets".
  public var name: String { row.name }

  /// Nil for the kinds that never got compact lengths and tagged fields.
  public var firstFlexibleVersion: Int16? {
    let version = row.firstFlexibleVersion
    return version == Self.neverFlexible ? nil : version
  }

  /// Whether request and response bodies of `version` have compact lengths and tagged fields.
  public func isFlexible(_ version: Int16) -> Bool {
    let first = row.firstFlexibleVersion
    return version >= first && first != Self.neverFlexible
  }

  /// 2 (with tagged fields) for flexible versions, else 1. Holds for versions beyond those we speak, too.
  public func requestHeaderVersion(_ apiVersion: Int16) -> Int16 {
    isFlexible(apiVersion) ? 2 : 1
  }

  /// 1 (with tagged fields) for flexible versions, else 0. ApiVersions is always 0: its response must be readable by a
  /// client that does not yet know what the broker speaks.
  public func responseHeaderVersion(_ apiVersion: Int16) -> Int16 {
    isFlexible(apiVersion) && self != .apiVersions ? 1 : 0
  }
}
