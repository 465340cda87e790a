extension ErrorCode {
  struct Row: Sendable {
    var code: ErrorCode
    var name: String
    var isRetriable: Bool
    var sentence: String
  }

  private static func final(_ code: ErrorCode, _ name: String, _ sentence: String) -> Row {
    Row(code: code, name: name, isRetriable: false, sentence: sentence)
  }

  private static func retriable(_ code: ErrorCode, _ name: String, _ sentence: String) -> Row {
    Row(code: code, name: name, isRetriable: true, sentence: sentence)
  }

  /// Every code that Kafka has, without gaps from -1 on, so that a code finds its row by index.
  static let table: [Row] = [
    final(.unknownServerError, "UNKNOWN_SERVER_ERROR", "The broker met an error that it has no better code for."),
    final(.none, "NONE", "The operation succeeded."),
    final(.offsetOutOfRange, "OFFSET_OUT_OF_RANGE", "The offset is below the log start or beyond the log end."),
    retriable(.corruptMessage, "CORRUPT_MESSAGE", "A record batch is damaged: its checksum or its structure is wrong."),
    retriable(
      .unknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION",
      "This broker does not have that topic or partition."),
    final(.invalidFetchSize, "INVALID_FETCH_SIZE", "The fetch size is not valid."),
    retriable(.leaderNotAvailable, "LEADER_NOT_AVAILABLE", "The partition has no leader at the moment."),
    retriable(.notLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", "This broker does not lead, or hold, the partition."),
    retriable(.requestTimedOut, "REQUEST_TIMED_OUT", "The time allowed for the request ran out."),
    final(.brokerNotAvailable, "BROKER_NOT_AVAILABLE", "The broker is not available."),
    retriable(.replicaNotAvailable, "REPLICA_NOT_AVAILABLE", "The replica is not available on this broker."),
    final(.messageTooLarge, "MESSAGE_TOO_LARGE", "A record batch is larger than the topic accepts."),
    final(.staleControllerEpoch, "STALE_CONTROLLER_EPOCH", "The controller has moved to another broker."),
    final(.offsetMetadataTooLarge, "OFFSET_METADATA_TOO_LARGE", "The metadata beside a committed offset is too long."),
    retriable(.networkException, "NETWORK_EXCEPTION", "The connection ended before a response came."),
    retriable(
      .coordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS",
      "The coordinator is still loading its state."),
    retriable(
      .coordinatorNotAvailable, "COORDINATOR_NOT_AVAILABLE",
      "There is no coordinator for this key at the moment."),
    retriable(.notCoordinator, "NOT_COORDINATOR", "This broker does not coordinate the key."),
    final(
      .invalidTopicException, "INVALID_TOPIC_EXCEPTION",
      "The topic's name is not valid, or the topic may not be used this way."),
    final(.recordListTooLarge, "RECORD_LIST_TOO_LARGE", "A record batch is larger than a segment."),
    retriable(.notEnoughReplicas, "NOT_ENOUGH_REPLICAS", "Nothing was written because too few replicas are in sync."),
    retriable(
      .notEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
      "The records were written, but to too few replicas in sync."),
    final(.invalidRequiredAcks, "INVALID_REQUIRED_ACKS", "The value of acks is none of -1, 0 and 1."),
    final(.illegalGeneration, "ILLEGAL_GENERATION", "The generation is not the group's current one."),
    final(
      .inconsistentGroupProtocol, "INCONSISTENT_GROUP_PROTOCOL",
      "The member shares no protocol with the rest of the group, or names none."),
    final(.invalidGroupId, "INVALID_GROUP_ID", "The group id is not valid."),
    final(.unknownMemberId, "UNKNOWN_MEMBER_ID", "The group has no such member."),
    final(
      .invalidSessionTimeout, "INVALID_SESSION_TIMEOUT",
      "The session timeout is outside the range that the broker allows."),
    final(.rebalanceInProgress, "REBALANCE_IN_PROGRESS", "The group is rebalancing; the member has to rejoin."),
    final(.invalidCommitOffsetSize, "INVALID_COMMIT_OFFSET_SIZE", "The offset commit is too large."),
    final(.topicAuthorizationFailed, "TOPIC_AUTHORIZATION_FAILED", "The client may not do this to the topic."),
    final(.groupAuthorizationFailed, "GROUP_AUTHORIZATION_FAILED", "The client may not do this to the group."),
    final(.clusterAuthorizationFailed, "CLUSTER_AUTHORIZATION_FAILED", "The client may not do this to the cluster."),
    final(.invalidTimestamp, "INVALID_TIMESTAMP", "A record's timestamp is outside the accepted range."),
    final(.unsupportedSaslMechanism, "UNSUPPORTED_SASL_MECHANISM", "The broker does not offer this SASL mechanism."),
    final(.illegalSaslState, "ILLEGAL_SASL_STATE", "The request does not fit the state of the SASL exchange."),
    final(.unsupportedVersion, "UNSUPPORTED_VERSION", "The broker does not speak this version of the request."),
    final(.topicAlreadyExists, "TOPIC_ALREADY_EXISTS", "A topic of this name exists."),
    final(.invalidPartitions, "INVALID_PARTITIONS", "The partition count is not valid."),
    final(
      .invalidReplicationFactor, "INVALID_REPLICATION_FACTOR",
      "The replication factor is below 1 or above the number of brokers."),
    final(.invalidReplicaAssignment, "INVALID_REPLICA_ASSIGNMENT", "The replica assignment is not valid."),
    final(.invalidConfig, "INVALID_CONFIG", "A configuration key or value is not valid."),
    retriable(.notController, "NOT_CONTROLLER", "This broker is not the controller."),
    final(.invalidRequest, "INVALID_REQUEST", "The request contradicts itself or the protocol."),
    final(.unsupportedForMessageFormat, "UNSUPPORTED_FOR_MESSAGE_FORMAT", "The record format in use cannot do this."),
    final(.policyViolation, "POLICY_VIOLATION", "The request violates a policy of the broker."),
    final(
      .outOfOrderSequenceNumber, "OUT_OF_ORDER_SEQUENCE_NUMBER",
      "A batch's sequence number does not follow the producer's last one."),
    final(
      .duplicateSequenceNumber, "DUPLICATE_SEQUENCE_NUMBER",
      "A batch's sequence number was used before, too long ago to tell the offset."),
    final(.invalidProducerEpoch, "INVALID_PRODUCER_EPOCH", "The producer's epoch is older than the current one."),
    final(.invalidTxnState, "INVALID_TXN_STATE", "The transaction's state does not allow this."),
    final(
      .invalidProducerIdMapping, "INVALID_PRODUCER_ID_MAPPING",
      "The producer id does not belong to the transactional id."),
    final(
      .invalidTransactionTimeout, "INVALID_TRANSACTION_TIMEOUT",
      "The transaction timeout is longer than the broker allows."),
    retriable(
      .concurrentTransactions, "CONCURRENT_TRANSACTIONS",
      "Another operation on the same transaction is under way."),
    final(
      .transactionCoordinatorFenced, "TRANSACTION_COORDINATOR_FENCED",
      "The transaction coordinator that sent this is no longer in charge."),
    final(
      .transactionalIdAuthorizationFailed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
      "The client may not use the transactional id."),
    final(.securityDisabled, "SECURITY_DISABLED", "Access control is not switched on."),
    final(
      .operationNotAttempted, "OPERATION_NOT_ATTEMPTED",
      "The operation was not tried because another one of the same request failed."),
    retriable(.kafkaStorageError, "KAFKA_STORAGE_ERROR", "The storage of the partition failed."),
    final(.logDirNotFound, "LOG_DIR_NOT_FOUND", "The broker has no such log directory."),
    final(.saslAuthenticationFailed, "SASL_AUTHENTICATION_FAILED", "The client could not prove who it is."),
    final(
      .unknownProducerId, "UNKNOWN_PRODUCER_ID",
      "The partition knows nothing of this producer id, perhaps because its records were deleted."),
    final(.reassignmentInProgress, "REASSIGNMENT_IN_PROGRESS", "The partition's replicas are being moved."),
    final(.delegationTokenAuthDisabled, "DELEGATION_TOKEN_AUTH_DISABLED", "Delegation tokens are not switched on."),
    final(.delegationTokenNotFound, "DELEGATION_TOKEN_NOT_FOUND", "There is no such delegation token."),
    final(
      .delegationTokenOwnerMismatch, "DELEGATION_TOKEN_OWNER_MISMATCH",
      "The principal neither owns nor may renew the delegation token."),
    final(
      .delegationTokenRequestNotAllowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED",
      "Delegation tokens cannot be requested over this connection."),
    final(
      .delegationTokenAuthorizationFailed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
      "The client may not do this to the delegation token."),
    final(.delegationTokenExpired, "DELEGATION_TOKEN_EXPIRED", "The delegation token has expired."),
    final(.invalidPrincipalType, "INVALID_PRINCIPAL_TYPE", "Principals of this type are not supported."),
    final(.nonEmptyGroup, "NON_EMPTY_GROUP", "The group has members."),
    final(.groupIdNotFound, "GROUP_ID_NOT_FOUND", "There is no such group."),
    retriable(.fetchSessionIdNotFound, "FETCH_SESSION_ID_NOT_FOUND", "The broker has no such fetch session."),
    retriable(
      .invalidFetchSessionEpoch, "INVALID_FETCH_SESSION_EPOCH",
      "The epoch does not follow the fetch session's last one."),
    retriable(
      .listenerNotFound, "LISTENER_NOT_FOUND",
      "The leader has no listener that matches the one asked through."),
    final(.topicDeletionDisabled, "TOPIC_DELETION_DISABLED", "Deleting topics is switched off."),
    retriable(.fencedLeaderEpoch, "FENCED_LEADER_EPOCH", "The leader epoch is older than the broker's."),
    retriable(.unknownLeaderEpoch, "UNKNOWN_LEADER_EPOCH", "The leader epoch is newer than the broker's."),
    final(
      .unsupportedCompressionType, "UNSUPPORTED_COMPRESSION_TYPE",
      "The version of the request does not know the compression in use."),
    final(.staleBrokerEpoch, "STALE_BROKER_EPOCH", "The broker's epoch has changed."),
    retriable(.offsetNotAvailable, "OFFSET_NOT_AVAILABLE", "After a change of leader the offset is not certain yet."),
    final(
      .memberIdRequired, "MEMBER_ID_REQUIRED",
      "The member has to join again with the member id that this response gives it."),
    retriable(.preferredLeaderNotAvailable, "PREFERRED_LEADER_NOT_AVAILABLE", "The preferred leader is not available."),
    final(.groupMaxSizeReached, "GROUP_MAX_SIZE_REACHED", "The group has as many members as it may have."),
    final(.fencedInstanceId, "FENCED_INSTANCE_ID", "Another member has registered with the same group instance id."),
    retriable(
      .eligibleLeadersNotAvailable, "ELIGIBLE_LEADERS_NOT_AVAILABLE",
      "No replica that could lead is available."),
    retriable(.electionNotNeeded, "ELECTION_NOT_NEEDED", "The partition needs no election."),
    final(.noReassignmentInProgress, "NO_REASSIGNMENT_IN_PROGRESS", "No replicas of the partition are being moved."),
    final(
      .groupSubscribedToTopic, "GROUP_SUBSCRIBED_TO_TOPIC",
      "Offsets cannot be deleted while the group is subscribed to the topic."),
    final(.invalidRecord, "INVALID_RECORD", "A record was refused by the broker's checks."),
    retriable(
      .unstableOffsetCommit, "UNSTABLE_OFFSET_COMMIT",
      "An open transaction may still change the committed offset."),
    retriable(
      .throttlingQuotaExceeded, "THROTTLING_QUOTA_EXCEEDED",
      "The quota for this kind of request is used up for now."),
    final(.producerFenced, "PRODUCER_FENCED", "A newer producer uses the same transactional id."),
    final(.resourceNotFound, "RESOURCE_NOT_FOUND", "The request names a resource that does not exist."),
    final(.duplicateResource, "DUPLICATE_RESOURCE", "The request names the same resource twice."),
    final(.unacceptableCredential, "UNACCEPTABLE_CREDENTIAL", "The credential does not meet the broker's rules."),
    final(.inconsistentVoterSet, "INCONSISTENT_VOTER_SET", "Sender or receiver is not among the expected voters."),
    final(.invalidUpdateVersion, "INVALID_UPDATE_VERSION", "The version given for the update is not valid."),
    final(.featureUpdateFailed, "FEATURE_UPDATE_FAILED", "The features could not be updated."),
    final(
      .principalDeserializationFailure, "PRINCIPAL_DESERIALIZATION_FAILURE",
      "The principal in a forwarded request cannot be read."),
    final(.snapshotNotFound, "SNAPSHOT_NOT_FOUND", "There is no such snapshot."),
    final(.positionOutOfRange, "POSITION_OUT_OF_RANGE", "The position is outside the snapshot."),
    retriable(.unknownTopicId, "UNKNOWN_TOPIC_ID", "This broker has no topic with that id."),
    final(
      .duplicateBrokerRegistration, "DUPLICATE_BROKER_REGISTRATION",
      "A broker with this id is registered already."),
    final(.brokerIdNotRegistered, "BROKER_ID_NOT_REGISTERED", "No broker with this id is registered."),
    retriable(.inconsistentTopicId, "INCONSISTENT_TOPIC_ID", "The topic id is not the one in the log."),
    final(.inconsistentClusterId, "INCONSISTENT_CLUSTER_ID", "The request is for another cluster."),
    final(.transactionalIdNotFound, "TRANSACTIONAL_ID_NOT_FOUND", "There is no such transactional id."),
    retriable(
      .fetchSessionTopicIdError, "FETCH_SESSION_TOPIC_ID_ERROR",
      "The fetch session mixes requests with topic ids and without."),
    final(.ineligibleReplica, "INELIGIBLE_REPLICA", "The replica may not join those in sync."),
    final(.newLeaderElected, "NEW_LEADER_ELECTED", "The change has led to a new leader."),
    final(.offsetMovedToTieredStorage, "OFFSET_MOVED_TO_TIERED_STORAGE", "The offset is only in tiered storage now."),
    final(
      .fencedMemberEpoch, "FENCED_MEMBER_EPOCH",
      "The member's epoch is not the one the coordinator has; it has to rejoin."),
    final(.unreleasedInstanceId, "UNRELEASED_INSTANCE_ID", "Another member still uses the group instance id."),
    final(.unsupportedAssignor, "UNSUPPORTED_ASSIGNOR", "The group's members do not all support the assignor."),
    final(
      .staleMemberEpoch, "STALE_MEMBER_EPOCH",
      "The member's epoch is out of date; retry after the next heartbeat."),
    final(.mismatchedEndpointType, "MISMATCHED_ENDPOINT_TYPE", "The request came to an endpoint of the wrong type."),
    final(.unsupportedEndpointType, "UNSUPPORTED_ENDPOINT_TYPE", "Endpoints of this type are not supported."),
    final(.unknownControllerId, "UNKNOWN_CONTROLLER_ID", "There is no controller with this id."),
    final(.unknownSubscriptionId, "UNKNOWN_SUBSCRIPTION_ID", "The telemetry subscription is out of date."),
    final(.telemetryTooLarge, "TELEMETRY_TOO_LARGE", "The telemetry is larger than the broker accepts."),
    final(.invalidRegistration, "INVALID_REGISTRATION", "The registration is not valid."),
    final(.transactionAbortable, "TRANSACTION_ABORTABLE", "The transaction can only be aborted."),
    final(.invalidRecordState, "INVALID_RECORD_STATE", "The state of the records does not allow this acknowledgement."),
    retriable(.shareSessionNotFound, "SHARE_SESSION_NOT_FOUND", "The broker has no such share session."),
    retriable(
      .invalidShareSessionEpoch, "INVALID_SHARE_SESSION_EPOCH",
      "The epoch does not follow the share session's last one."),
    final(.fencedStateEpoch, "FENCED_STATE_EPOCH", "The state epoch of the share group is out of date."),
    final(.invalidVoterKey, "INVALID_VOTER_KEY", "The voter's key is not the one the receiver has."),
    final(.duplicateVoter, "DUPLICATE_VOTER", "The voter is in the voter set already."),
    final(.voterNotFound, "VOTER_NOT_FOUND", "The voter is not in the voter set."),
    final(.invalidRegularExpression, "INVALID_REGULAR_EXPRESSION", "The regular expression is not valid."),
    final(.rebootstrapRequired, "REBOOTSTRAP_REQUIRED", "The client has to start again from its bootstrap addresses."),
    final(.streamsInvalidTopology, "STREAMS_INVALID_TOPOLOGY", "The topology of the streams application is not valid."),
    final(
      .streamsInvalidTopologyEpoch, "STREAMS_INVALID_TOPOLOGY_EPOCH",
      "The epoch of the streams topology is not valid."),
    final(.streamsTopologyFenced, "STREAMS_TOPOLOGY_FENCED", "The epoch of the streams topology is out of date."),
    retriable(
      .shareSessionLimitReached, "SHARE_SESSION_LIMIT_REACHED",
      "The broker has as many share sessions as it may have."),
  ]
}
