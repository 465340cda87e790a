import KafkaProtocol
import Testing

/// Frames of real clients. Expected values are what the clients were told to send, read off the bytes by hand.
struct CapturedFramesTests {
  /// Header and body of `frame`, after checking that writing both gives the same bytes again.
  private func request<Request: KafkaRequest>(
    _ type: Request.Type, _ frame: [UInt8], version: Int16, clientID: String
  ) throws -> Request {
    let (header, body) = try frame.withUnsafeBytes { bytes in
      let header = try RequestHeader.decode(from: bytes)
      let body = try Request.decode(
        frame: bytes, at: header.bodyPosition, version: header.apiVersion)
      return (header, body)
    }
    #expect(header.api == Request.apiKey)
    #expect(header.apiVersion == version)
    #expect(header.clientID == clientID)
    let encoded = try body.encodedRequest(
      version: version, correlationID: header.correlationID, clientID: header.clientID)
    let size = UInt32(frame.count)
    let prefix = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
    #expect(encoded.bytes.prefix(4) == prefix[...])
    #expect(encoded.byteCount == frame.count + 4)
    var pieces: [[UInt8]] = []
    if let produce = body as? ProduceRequest {
      for partition in produce.topicData.flatMap(\.partitionData) {
        if case .inFrame(let range) = partition.records { pieces.append(Array(frame[range])) }
      }
    }
    #expect(encoded.assembled(external: pieces) == prefix + frame)
    return body
  }

  @Test("ApiVersions of kcat, confluent-kafka, kafka-python and aiokafka")
  func apiVersions() throws {
    let kcat = try request(
      ApiVersionsRequest.self, CapturedFrames.kcatApiVersions3, version: 3, clientID: "kcat-capture")
    #expect(kcat.clientSoftwareName == "librdkafka")
    #expect(kcat.clientSoftwareVersion == "2.0.2")
    let confluent = try request(
      ApiVersionsRequest.self, CapturedFrames.confluentApiVersions3, version: 3,
      clientID: "confluent-capture")
    #expect(confluent.clientSoftwareName == "confluent-kafka-python")
    #expect(confluent.clientSoftwareVersion == "2.16.1-rdkafka-2.16.0")
    let kafkaPython = try request(
      ApiVersionsRequest.self, CapturedFrames.kafkaPythonApiVersions4, version: 4,
      clientID: "kafka-python-capture")
    #expect(kafkaPython.clientSoftwareName == "kafka-python")
    #expect(kafkaPython.clientSoftwareVersion == "3.0.12")
    _ = try request(
      ApiVersionsRequest.self, CapturedFrames.aiokafkaApiVersions0, version: 0,
      clientID: "aiokafka-capture")
  }

  @Test("Metadata of kcat, aiokafka, confluent-kafka and kafka-python")
  func metadata() throws {
    let kcat = try request(
      MetadataRequest.self, CapturedFrames.kcatMetadata4, version: 4, clientID: "kcat-capture")
    #expect(kcat.topics?.map(\.name) == ["orders"])
    #expect(kcat.allowAutoTopicCreation)
    let aiokafka = try request(
      MetadataRequest.self, CapturedFrames.aiokafkaMetadata5, version: 5,
      clientID: "aiokafka-capture")
    #expect(aiokafka.topics?.isEmpty == true)
    #expect(aiokafka.allowAutoTopicCreation)
    let confluent = try request(
      MetadataRequest.self, CapturedFrames.confluentMetadata12, version: 12,
      clientID: "confluent-capture")
    #expect(confluent.topics?.map(\.name) == ["orders"])
    #expect(confluent.topics?.map(\.topicId) == [.zero])
    #expect(confluent.allowAutoTopicCreation)
    #expect(!confluent.includeTopicAuthorizedOperations)
    let kafkaPython = try request(
      MetadataRequest.self, CapturedFrames.kafkaPythonMetadata12, version: 12,
      clientID: "kafka-python-capture")
    #expect(kafkaPython.topics?.isEmpty == true)
  }

  @Test("Produce of kcat and confluent-kafka: the records are a range of the frame")
  func produce() throws {
    let kcatFrame = CapturedFrames.kcatProduce7
    let kcat = try request(
      ProduceRequest.self, kcatFrame, version: 7, clientID: "kcat-capture")
    #expect(kcat.transactionalId == nil)
    #expect(kcat.acks == -1)
    #expect(kcat.timeoutMs == 30_000)
    #expect(kcat.topicData.map(\.name) == ["orders"])
    #expect(kcat.topicData[0].partitionData.map(\.index) == [0])
    // The last field of v7: 0x4A bytes up to the end of the frame.
    let end = kcatFrame.count
    #expect(kcat.topicData[0].partitionData[0].records == .inFrame(end - 0x4A..<end))
    #expect(kcatFrame[(end - 6)...] == [0x68, 0x65, 0x6C, 0x6C, 0x6F, 0x00])

    let frame = CapturedFrames.confluentProduce10
    let confluent = try request(
      ProduceRequest.self, frame, version: 10, clientID: "confluent-capture")
    #expect(confluent.acks == -1)
    #expect(confluent.topicData.map(\.name) == ["orders"])
    // Three empty tag sections follow: of the partition, the topic, the request.
    let records = frame.count - 3 - 0x46..<frame.count - 3
    #expect(confluent.topicData[0].partitionData[0].records == .inFrame(records))
    #expect(frame[records.lowerBound + 16] == 2, "the magic byte of a record batch")
  }

  @Test("Fetch of kcat, InitProducerId of kafka-python")
  func fetchAndProducerId() throws {
    let fetch = try request(
      FetchRequest.self, CapturedFrames.kcatFetch11, version: 11, clientID: "kcat-capture")
    #expect(fetch.replicaId == -1)
    #expect(fetch.maxWaitMs == 500)
    #expect(fetch.minBytes == 1)
    #expect(fetch.maxBytes == 0x0320_0000)
    #expect(fetch.isolationLevel == 1)
    #expect(fetch.sessionId == 0 && fetch.sessionEpoch == -1)
    #expect(fetch.topics.map(\.topic) == ["orders"])
    #expect(fetch.topics[0].partitions[0].fetchOffset == 5)
    #expect(fetch.topics[0].partitions[0].partitionMaxBytes == 0x0010_0000)
    let producerId = try request(
      InitProducerIdRequest.self, CapturedFrames.kafkaPythonInitProducerId4, version: 4,
      clientID: "kafka-python-capture")
    #expect(producerId.transactionalId == nil)
    #expect(producerId.producerId == -1 && producerId.producerEpoch == -1)
  }

  @Test("FindCoordinator and JoinGroup, with the subscriptions of the consumers inside")
  func groups() throws {
    let find = try request(
      FindCoordinatorRequest.self, CapturedFrames.kafkaPythonFindCoordinator4, version: 4,
      clientID: "kafka-python-capture")
    #expect(find.keyType == 0)
    #expect(find.coordinatorKeys == ["capture-group"])

    let confluent = try request(
      JoinGroupRequest.self, CapturedFrames.confluentJoinGroup5, version: 5,
      clientID: "confluent-capture")
    #expect(confluent.groupId == "capture-group")
    #expect(confluent.sessionTimeoutMs == 45_000 && confluent.rebalanceTimeoutMs == 300_000)
    #expect(confluent.memberId == "" && confluent.groupInstanceId == nil)
    #expect(confluent.protocols.map(\.name) == ["cooperative-sticky"])
    let (version, subscription) = try ConsumerProtocolSubscription.decode(
      confluent.protocols[0].metadata)
    #expect(version == 3)
    #expect(subscription.topics == ["orders"])
    #expect(subscription.userData == [])
    #expect(subscription.ownedPartitions.isEmpty)
    #expect(subscription.generationId == -1)
    #expect(subscription.rackId == "r1")

    let kafkaPython = try request(
      JoinGroupRequest.self, CapturedFrames.kafkaPythonJoinGroup7, version: 7,
      clientID: "kafka-python-capture")
    #expect(kafkaPython.protocols.map(\.name) == ["range", "roundrobin"])
    for item in kafkaPython.protocols {
      let (version, subscription) = try ConsumerProtocolSubscription.decode(item.metadata)
      #expect(version == 0)
      #expect(subscription.topics == ["orders"])
    }
  }
}
