import KafkaProtocol
import Logging

/// One request kind: the versions it honours and what it does with a decoded request.
protocol RequestHandler: SendableMetatype {
  associatedtype Request: KafkaRequest
  /// Versions that are served.
  static var versions: ClosedRange<Int16> { get }
  /// Versions that ApiVersions lists; wider than ``versions`` only where clients need to see it.
  static var advertisedVersions: ClosedRange<Int16> { get }
  /// Runs on the connection's event loop and must not block. Answers `context` exactly once, now or later.
  static func handle(_ request: Request, _ context: RequestContext)
}

extension RequestHandler {
  static var advertisedVersions: ClosedRange<Int16> { versions }
}

/// The server's table of contents: every API it serves, one row each. A row here, a file beside this one, and a test
/// belong together.
struct HandlerTable: Sendable {
  struct Row: Sendable {
    let api: APIKey
    let versions: ClosedRange<Int16>
    let advertisedVersions: ClosedRange<Int16>
    /// Versions that the codec knows of the request.
    let messageVersions: ClosedRange<Int16>
    let handle: @Sendable (RequestContext) throws(WireError) -> Void

    init<Handler: RequestHandler>(_ handler: Handler.Type) {
      api = Handler.Request.apiKey
      versions = Handler.versions
      advertisedVersions = Handler.advertisedVersions
      messageVersions = Handler.Request.supportedVersions
      handle = { (context) throws(WireError) in
        // As Kafka, which does not look at what follows: librdkafka 2.16 asks for the metadata of all topics with three
        // bytes too many.
        let request = try Handler.Request.decode(
          frame: context.frame.bytes, at: context.header.bodyPosition, version: context.version,
          allowsTrailingBytes: true)
        Handler.handle(request, context)
      }
    }
  }

  static let rows: [Row] = [
    Row(ProduceHandler.self),
    Row(FetchHandler.self),
    Row(ListOffsetsHandler.self),
    Row(MetadataHandler.self),
    Row(OffsetCommitHandler.self),
    Row(OffsetFetchHandler.self),
    Row(FindCoordinatorHandler.self),
    Row(JoinGroupHandler.self),
    Row(HeartbeatHandler.self),
    Row(LeaveGroupHandler.self),
    Row(SyncGroupHandler.self),
    Row(DescribeGroupsHandler.self),
    Row(ListGroupsHandler.self),
    Row(DeleteGroupsHandler.self),
    Row(ApiVersionsHandler.self),
    Row(CreateTopicsHandler.self),
    Row(DeleteTopicsHandler.self),
    Row(DeleteRecordsHandler.self),
    Row(InitProducerIdHandler.self),
    Row(OffsetForLeaderEpochHandler.self),
    Row(DescribeAclsHandler.self),
    Row(CreateAclsHandler.self),
    Row(DeleteAclsHandler.self),
    Row(DescribeConfigsHandler.self),
    Row(AlterConfigsHandler.self),
    Row(DescribeLogDirsHandler.self),
    Row(CreatePartitionsHandler.self),
    Row(ElectLeadersHandler.self),
    Row(IncrementalAlterConfigsHandler.self),
    Row(AlterPartitionReassignmentsHandler.self),
    Row(ListPartitionReassignmentsHandler.self),
    Row(OffsetDeleteHandler.self),
    Row(DescribeClusterHandler.self),
    Row(DescribeProducersHandler.self),
    Row(DescribeTopicPartitionsHandler.self),
  ]

  private let byKey: [Row?]

  init() {
    let largest = Self.rows.map { Int($0.api.rawValue) }.max() ?? 0
    var table = [Row?](repeating: nil, count: largest + 1)
    for row in Self.rows {
      precondition(table[Int(row.api.rawValue)] == nil, "\(row.api) has two rows")
      table[Int(row.api.rawValue)] = row
    }
    byKey = table
  }

  /// Decodes and runs a request, or answers why not. On the connection's event loop.
  func handle(_ context: RequestContext) {
    let key = Int(context.header.apiKey)
    guard byKey.indices.contains(key), let row = byKey[key] else {
      context.connection.broker.logger.debug(
        "A request of an unknown API", metadata: ["api": "\(key)", "client": "\(context.clientID)"])
      return context.respondUnsupported(.unsupportedVersion)
    }
    guard row.versions.contains(context.version) else {
      if row.api == .apiVersions { return ApiVersionsHandler.respondOutOfRange(context) }
      return context.respondUnsupported(.unsupportedVersion)
    }
    do throws(WireError) {
      try row.handle(context)
    } catch {
      context.broker.logger.warning(
        "A request cannot be read",
        metadata: ["api": "\(row.api.name)", "version": "\(context.version)", "error": "\(error)"])
      // As Kafka does: the stream cannot be trusted any more.
      context.finishWithoutResponse()
      context.connection.close()
    }
  }
}
