import KafkaProtocol

/// The records of `__consumer_offsets`, byte for byte those of Apache Kafka, so that its tools can read the topic.
///
/// All numbers are big-endian; `string` is an int16 length (-1: null) and UTF-8, `bytes` an int32 length and bytes.
///
/// ```
/// key    int16 1 │ string group │ string topic │ int32 partition              an offset
/// value  int16 3 │ int64 offset │ int32 leaderEpoch │ string metadata │ int64 commitTimestamp
///        int16 1 │ int64 offset │ string metadata │ int64 commitTimestamp │ int64 expireTimestamp
///
/// key    int16 2 │ string group                                                a group
/// value  int16 3 │ string protocolType │ int32 generation │ string? protocol │ string? leader │ int64 stateTimestamp
///                │ int32 count │ member × count
/// member string id │ string? instanceID │ string clientID │ string clientHost │ int32 rebalanceTimeout
///        │ int32 sessionTimeout │ bytes subscription │ bytes assignment
/// ```
/// Values are written in version 3, offsets with an expiry of their own in version 1, the only one that has it.
/// Versions 0 to 4 are read; 4 has the fields of 3 in the flexible encoding. A null value is a tombstone. Keys of
/// versions above 2 belong to newer group protocols and are passed over.
enum GroupRecords {
  enum Key: Hashable, Sendable {
    case offset(group: String, TopicPartitionName)
    case group(String)
  }

  // MARK: - Keys

  static func encode(_ key: Key) throws(WireError) -> [UInt8] {
    switch key {
    case .offset(var group, var place):
      try write(1) { (field) throws(WireError) in
        try field.string(&group)
        try field.string(&place.topic)
        try field.int32(&place.partition)
      }
    case .group(var group):
      try write(2) { (field) throws(WireError) in try field.string(&group) }
    }
  }

  /// Nil for a key that is not ours.
  static func decodeKey(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Key? {
    let version = try readVersion(bytes)
    var field = FieldCoder(reading: bytes, at: 2, version: version, isFlexible: false)
    var group = ""
    switch version {
    case 0, 1:
      var place = TopicPartitionName(topic: "", partition: 0)
      try field.string(&group)
      try field.string(&place.topic)
      try field.int32(&place.partition)
      return .offset(group: group, place)
    case 2:
      try field.string(&group)
      return .group(group)
    default: return nil
    }
  }

  // MARK: - Values

  static func encode(_ offset: CommittedOffset) throws(WireError) -> [UInt8] {
    try write(offset.expiry == nil ? 3 : 1) { (field) throws(WireError) in
      var offset = offset
      try transcode(&offset, &field)
    }
  }

  static func decodeOffset(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> CommittedOffset {
    var offset = CommittedOffset(offset: -1, leaderEpoch: -1, metadata: "", timestamp: -1)
    var field = try reader(bytes)
    try transcode(&offset, &field)
    return offset
  }

  static func encode(_ snapshot: GroupSnapshot) throws(WireError) -> [UInt8] {
    try write(3) { (field) throws(WireError) in
      var value = GroupValue(snapshot)
      try value.transcode(&field)
    }
  }

  static func decodeGroup(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> GroupSnapshot {
    var value = GroupValue()
    var field = try reader(bytes)
    try value.transcode(&field)
    return value.snapshot
  }

  private static func transcode(_ offset: inout CommittedOffset, _ field: inout FieldCoder) throws(WireError) {
    try field.int64(&offset.offset)
    if field.version >= 3 { try field.int32(&offset.leaderEpoch) }
    try field.string(&offset.metadata)
    try field.int64(&offset.timestamp)
    if field.version == 1 {
      var expiry = offset.expiry ?? -1
      try field.int64(&expiry)
      if field.isReading { offset.expiry = expiry < 0 ? nil : expiry }
    }
    try field.taggedFields()
  }

  // MARK: - The version in front

  private static func write(
    _ version: Int16, _ body: (inout FieldCoder) throws(WireError) -> Void
  ) throws(WireError) -> [UInt8] {
    var field = FieldCoder(writing: version, isFlexible: false)
    var prefix = version
    try field.int16(&prefix)
    try body(&field)
    return field.withWrittenBytes { [UInt8]($0) }
  }

  private static func readVersion(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int16 {
    var field = FieldCoder(reading: bytes, version: 0, isFlexible: false)
    var version: Int16 = 0
    try field.int16(&version)
    return version
  }

  private static func reader(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> FieldCoder {
    let version = try readVersion(bytes)
    guard (0...4).contains(version) else { throw WireError(.unsupportedVersion, position: 0, version: version) }
    return FieldCoder(reading: bytes, at: 2, version: version, isFlexible: version >= 4)
  }
}

/// The value of a group's record, field by field.
private struct GroupValue: WireStruct {
  var protocolType = ""
  var generation: Int32 = 0
  var protocolName: String?
  var leader: String?
  var stateTimestamp: Int64 = -1
  var members: [Member] = []

  init() {}

  init(_ snapshot: GroupSnapshot) {
    protocolType = snapshot.protocolType
    generation = snapshot.generation
    protocolName = snapshot.protocolName
    leader = snapshot.leader
    stateTimestamp = snapshot.stateTimestamp
    members = snapshot.members.map(Member.init)
  }

  var snapshot: GroupSnapshot {
    GroupSnapshot(
      protocolType: protocolType, generation: generation, protocolName: protocolName, leader: leader,
      stateTimestamp: stateTimestamp, members: members.map(\.snapshot))
  }

  mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
    try field.string(&protocolType)
    try field.int32(&generation)
    try field.nullableString(&protocolName)
    try field.nullableString(&leader)
    if field.version >= 2 { try field.int64(&stateTimestamp) }
    try field.array(&members)
    try field.taggedFields()
  }

  struct Member: WireStruct {
    var id = ""
    var instanceID: String?
    var clientID = ""
    var clientHost = ""
    /// Milliseconds; version 0 has none.
    var rebalanceTimeout: Int32 = -1
    var sessionTimeout: Int32 = 0
    var subscription: [UInt8] = []
    var assignment: [UInt8] = []

    init() {}

    init(_ member: GroupSnapshot.Member) {
      id = member.id
      instanceID = member.instanceID
      clientID = member.clientID
      clientHost = member.clientHost
      rebalanceTimeout = Int32(clamping: member.rebalanceTimeout.milliseconds)
      sessionTimeout = Int32(clamping: member.sessionTimeout.milliseconds)
      subscription = member.subscription
      assignment = member.assignment
    }

    var snapshot: GroupSnapshot.Member {
      GroupSnapshot.Member(
        id: id, instanceID: instanceID, clientID: clientID, clientHost: clientHost,
        rebalanceTimeout: .milliseconds(rebalanceTimeout < 0 ? sessionTimeout : rebalanceTimeout),
        sessionTimeout: .milliseconds(sessionTimeout), subscription: subscription, assignment: assignment)
    }

    mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      try field.string(&id)
      if field.version >= 3 { try field.nullableString(&instanceID) }
      try field.string(&clientID)
      try field.string(&clientHost)
      if field.version >= 1 { try field.int32(&rebalanceTimeout) }
      try field.int32(&sessionTimeout)
      try field.bytes(&subscription)
      try field.bytes(&assignment)
      try field.taggedFields()
    }
  }
}
