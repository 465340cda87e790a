import KafkaProtocol

/// Why a group does not do what it was asked. The one place where these become Kafka's error codes is ``code``.
enum GroupRefusal: Error, Sendable, Equatable {
  case invalidGroupID
  case invalidSessionTimeout
  /// The member shares no protocol with the others, or names another protocol type.
  case inconsistentProtocol
  /// Not an error of the client: it joins again with the id it is given here.
  case memberIDRequired
  case unknownMember
  /// The instance id belongs to a newer member.
  case fencedInstance
  case illegalGeneration
  case rebalanceInProgress
  case groupFull
  /// What a member says about itself is larger than the broker keeps.
  case memberTooLarge
  case groupNotFound
  case groupNotEmpty
  case subscribed
  case offsetMetadataTooLarge
  case commitTooLarge
  case unknownTopicOrPartition
  /// The group's part of the offsets topic is still being read.
  case loading
  /// The group is being deleted, its records cannot be read or written, or the coordinator stops.
  case notAvailable

  var code: ErrorCode {
    switch self {
    case .invalidGroupID: .invalidGroupId
    case .invalidSessionTimeout: .invalidSessionTimeout
    case .inconsistentProtocol: .inconsistentGroupProtocol
    case .memberIDRequired: .memberIdRequired
    case .unknownMember: .unknownMemberId
    case .fencedInstance: .fencedInstanceId
    case .illegalGeneration: .illegalGeneration
    case .rebalanceInProgress: .rebalanceInProgress
    case .groupFull: .groupMaxSizeReached
    case .memberTooLarge: .invalidRequest
    case .groupNotFound: .groupIdNotFound
    case .groupNotEmpty: .nonEmptyGroup
    case .subscribed: .groupSubscribedToTopic
    case .offsetMetadataTooLarge: .offsetMetadataTooLarge
    case .commitTooLarge: .invalidCommitOffsetSize
    case .unknownTopicOrPartition: .unknownTopicOrPartition
    case .loading: .coordinatorLoadInProgress
    case .notAvailable: .coordinatorNotAvailable
    }
  }
}
