import KafkaProtocol

/// A request frame without its size: header, then the body of the API and version that the header names, as the broker
/// decodes it. Whatever decodes must be writable, and what was written must read as the same.
func fuzzRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let frame = UnsafeRawBufferPointer(start: start, count: count)
  do throws(WireError) {
    let header = try RequestHeader.decode(from: frame)
    precondition(header.bodyPosition <= count, "the body begins outside the frame")
    guard let api = header.api, let request = requests[api] else { return 0 }
    try check(request, frame, header)
  } catch {
    precondition(error.position <= count, "an error outside the frame: \(error)")
  }
  return 0
}

private func check<Request: KafkaRequest>(
  _ type: Request.Type, _ frame: UnsafeRawBufferPointer, _ header: RequestHeader
) throws(WireError) {
  let version = header.apiVersion
  let request = try type.decode(frame: frame, at: header.bodyPosition, version: version, allowsTrailingBytes: true)
  do {
    let first = try request.encodedBody(version: version)
    let body = first.assembled(external: first.splices.map { [UInt8](repeating: 0, count: $0.byteCount) })
    let second = try body.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(WireError) -> EncodedMessage in
      try type.decode(frame: bytes, at: 0, version: version).encodedBody(version: version)
    }
    precondition(first == second, "\(type) v\(version) reads its own writing as something else")
  } catch {
    preconditionFailure("\(type) v\(version) was read but cannot be written and read again: \(error)")
  }
}

/// Every request the codec knows, served or not.
private let requests: [APIKey: any KafkaRequest.Type] = {
  let types: [any KafkaRequest.Type] = [
    ProduceRequest.self, FetchRequest.self, ListOffsetsRequest.self, MetadataRequest.self, OffsetCommitRequest.self,
    OffsetFetchRequest.self, FindCoordinatorRequest.self, JoinGroupRequest.self, HeartbeatRequest.self,
    LeaveGroupRequest.self, SyncGroupRequest.self, DescribeGroupsRequest.self, ListGroupsRequest.self,
    SaslHandshakeRequest.self, ApiVersionsRequest.self, CreateTopicsRequest.self, DeleteTopicsRequest.self,
    DeleteRecordsRequest.self, InitProducerIdRequest.self, OffsetForLeaderEpochRequest.self,
    AddPartitionsToTxnRequest.self, AddOffsetsToTxnRequest.self, EndTxnRequest.self, WriteTxnMarkersRequest.self,
    TxnOffsetCommitRequest.self, DescribeAclsRequest.self, CreateAclsRequest.self, DeleteAclsRequest.self,
    DescribeConfigsRequest.self, AlterConfigsRequest.self, DescribeLogDirsRequest.self, SaslAuthenticateRequest.self,
    CreatePartitionsRequest.self, DeleteGroupsRequest.self, IncrementalAlterConfigsRequest.self,
    OffsetDeleteRequest.self, DescribeClusterRequest.self, DescribeProducersRequest.self,
    DescribeTransactionsRequest.self, ListTransactionsRequest.self, DescribeTopicPartitionsRequest.self,
    ElectLeadersRequest.self, AlterPartitionReassignmentsRequest.self, ListPartitionReassignmentsRequest.self,
  ]
  return Dictionary(uniqueKeysWithValues: types.map { ($0.apiKey, $0) })
}()
