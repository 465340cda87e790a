import KafkaProtocol

/// What one partition of the offsets topic says: the last record of every key counts. Pure.
///
/// Memory follows what is live, time follows the length of the log.
struct LoadedGroups: Sendable {
  struct Group: Sendable {
    var snapshot: GroupSnapshot?
    var offsets: [TopicPartitionName: CommittedOffset] = [:]

    var isEmpty: Bool { snapshot == nil && offsets.isEmpty }
  }

  private(set) var groups: [String: Group] = [:]
  private(set) var recordCount = 0
  /// Records of our key versions that cannot be read. They are passed over: one of them must not take a whole
  /// partition's groups away.
  private(set) var malformedCount = 0

  /// The next record of the log.
  mutating func apply(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) {
    recordCount += 1
    do throws(WireError) {
      guard let key, let name = try GroupRecords.decodeKey(key) else { return }
      switch name {
      case .offset(let group, let place):
        let offset: CommittedOffset? = if let value { try GroupRecords.decodeOffset(value) } else { nil }
        update(group) { $0.offsets[place] = offset }
      case .group(let group):
        let snapshot: GroupSnapshot? = if let value { try GroupRecords.decodeGroup(value) } else { nil }
        update(group) { $0.snapshot = snapshot }
      }
    } catch {
      malformedCount += 1
    }
  }

  private mutating func update(_ id: String, _ change: (inout Group) -> Void) {
    var group = groups.removeValue(forKey: id) ?? Group()
    change(&group)
    if !group.isEmpty { groups[id] = group }
  }
}
