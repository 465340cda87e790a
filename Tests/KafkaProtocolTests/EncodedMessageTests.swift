import KafkaProtocol
import Testing

struct EncodedMessageTests {
  @Test("the ApiVersions response of v3 has a plain header in front of a flexible body")
  func apiVersionsResponse() throws {
    var response = ApiVersionsResponse()
    var row = ApiVersionsResponse.ApiVersion()
    row.apiKey = 18
    row.maxVersion = 4
    response.apiKeys = [row]
    let encoded = try response.encodedResponse(version: 3, correlationID: 0x0102_0304)
    #expect(
      encoded.bytes == [
        0, 0, 0, 19, 1, 2, 3, 4,  // size, correlation id, no tags
        0, 0,  // error
        2, 0, 18, 0, 0, 0, 4, 0,  // one row and its tags
        0, 0, 0, 0,  // throttle time
        0,  // tags
      ])
    #expect(encoded.splices.isEmpty)
    // What a broker answers to a version it does not know: error 35 in the layout of v0.
    response.errorCode = .unsupportedVersion
    let refusal = try response.encodedResponse(version: 0, correlationID: 1)
    #expect(
      refusal.bytes == [0, 0, 0, 16, 0, 0, 0, 1, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4])
  }

  @Test("records of a fetch response are spliced: null is 0, empty is 1, and the size counts all")
  func fetchResponse() throws {
    var response = FetchResponse()
    var topic = FetchResponse.FetchableTopicResponse()
    topic.topic = "t"
    topic.partitions = [
      RecordsField.null, .external(byteCount: 0), .external(byteCount: 300),
    ].enumerated().map { index, records in
      var partition = FetchResponse.PartitionData()
      partition.partitionIndex = Int32(index)
      partition.abortedTransactions = nil
      partition.records = records
      return partition
    }
    response.responses = [topic]
    let encoded = try response.encodedResponse(version: 12, correlationID: 1)
    #expect(encoded.splices.map(\.byteCount) == [0, 300])
    let size = encoded.bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    #expect(size == encoded.bytes.count - 4 + 300)
    #expect(encoded.byteCount == size + 4)
    // Before a splice stands its length plus one, behind it the tags of the partition.
    let empty = encoded.splices[0].position
    #expect(encoded.bytes[empty - 1] == 1)
    let full = encoded.splices[1].position
    #expect(encoded.bytes[(full - 2)...] == [0xAD, 0x02, 0, 0, 0], "301, and three tag sections")

    let records = [UInt8](repeating: 7, count: 300)
    let frame = encoded.assembled(external: [[], records])
    let decoded = try decode(FetchResponse.self, frame, at: 9, version: 12)
    let ranges = decoded.responses[0].partitions.map(\.records)
    #expect(ranges == [.null, .inFrame(empty..<empty), .inFrame(full..<full + 300)])
  }

  @Test("the scoped variant gives the same bytes as the copying one")
  func scoped() throws {
    var response = ProduceResponse()
    response.throttleTimeMs = 5
    let copied = try response.encodedResponse(version: 9, correlationID: 3)
    let scoped = try response.withEncodedResponse(version: 9, correlationID: 3) { bytes, splices in
      EncodedMessage(bytes: Array(bytes), splices: splices)
    }
    #expect(copied == scoped)
  }

  @Test("a frame beyond 2 GiB cannot be written")
  func tooLarge() throws {
    var partition = ProduceRequest.PartitionProduceData()
    partition.records = .external(byteCount: Int(Int32.max) - 10)
    var topic = ProduceRequest.TopicProduceData()
    topic.partitionData = [partition]
    var request = ProduceRequest()
    request.topicData = [topic]
    let error = #expect(throws: WireError.self) {
      try request.encodedRequest(version: 9, correlationID: 1, clientID: nil)
    }
    #expect(error?.problem == .tooLong)
  }
}
