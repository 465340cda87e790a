import KafkaProtocol
import Testing

/// A message type under test, with the versions that it must cover.
struct CatalogueEntry: CustomTestStringConvertible, Sendable {
  var type: any KafkaMessage.Type
  var versions: ClosedRange<Int16>

  /// The name of its schema.
  var name: String { "\(type)" }
  var testDescription: String { name }
}

/// Every API: the versions are what the broker needs, written down apart from the types.
let catalogue: [CatalogueEntry] = [
  entry(ProduceRequest.self, 3...11),
  entry(FetchRequest.self, 4...16),
  entry(ListOffsetsRequest.self, 1...9),
  entry(MetadataRequest.self, 0...12),
  entry(ApiVersionsRequest.self, 0...4),
  entry(CreateTopicsRequest.self, 2...7),
  entry(DeleteTopicsRequest.self, 1...6),
  entry(FindCoordinatorRequest.self, 0...4),
  entry(DescribeClusterRequest.self, 0...1),
  entry(DescribeConfigsRequest.self, 1...4),
  entry(OffsetCommitRequest.self, 2...9),
  entry(OffsetFetchRequest.self, 1...9),
  entry(JoinGroupRequest.self, 0...9),
  entry(HeartbeatRequest.self, 0...4),
  entry(LeaveGroupRequest.self, 0...5),
  entry(SyncGroupRequest.self, 0...5),
  entry(DescribeGroupsRequest.self, 0...5),
  entry(ListGroupsRequest.self, 0...5),
  entry(DeleteGroupsRequest.self, 0...2),
  entry(SaslHandshakeRequest.self, 0...1),
  entry(SaslAuthenticateRequest.self, 0...2),
  entry(CreatePartitionsRequest.self, 0...3),
  entry(DeleteRecordsRequest.self, 0...2),
  entry(InitProducerIdRequest.self, 0...5),
  entry(OffsetForLeaderEpochRequest.self, 2...4),
  entry(AlterConfigsRequest.self, 0...2),
  entry(IncrementalAlterConfigsRequest.self, 0...1),
  entry(DescribeLogDirsRequest.self, 1...4),
  entry(DescribeTopicPartitionsRequest.self, 0...0),
  entry(OffsetDeleteRequest.self, 0...0),
  entry(DescribeProducersRequest.self, 0...0),
  entry(ElectLeadersRequest.self, 0...2),
  entry(AlterPartitionReassignmentsRequest.self, 0...1),
  entry(ListPartitionReassignmentsRequest.self, 0...0),
  entry(DescribeAclsRequest.self, 1...3),
  entry(CreateAclsRequest.self, 1...3),
  entry(DeleteAclsRequest.self, 1...3),
  entry(AddPartitionsToTxnRequest.self, 0...5),
  entry(AddOffsetsToTxnRequest.self, 0...4),
  entry(EndTxnRequest.self, 0...5),
  entry(WriteTxnMarkersRequest.self, 1...2),
  entry(TxnOffsetCommitRequest.self, 0...5),
  entry(DescribeTransactionsRequest.self, 0...0),
  entry(ListTransactionsRequest.self, 0...2),
].flatMap(\.self)

private func entry<Request: KafkaRequest>(
  _ request: Request.Type, _ versions: ClosedRange<Int16>
) -> [CatalogueEntry] {
  [
    CatalogueEntry(type: request, versions: versions),
    CatalogueEntry(type: Request.Response.self, versions: versions),
  ]
}

/// Decodes at an odd place of memory that is exactly as long as the frame, so that a sanitizer sees any byte too many.
func decode<Message: KafkaMessage>(
  _ type: Message.Type, _ frame: [UInt8], at position: Int = 0, version: Int16
) throws(WireError) -> Message {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count + 1, alignment: 1)
  defer { memory.deallocate() }
  let copy = UnsafeMutableRawBufferPointer(rebasing: memory[1...])
  copy.copyBytes(from: frame)
  return try Message.decode(frame: UnsafeRawBufferPointer(copy), at: position, version: version)
}
