import KafkaProtocol

/// Gives out producer ids for idempotent producers. v3 names the present id and epoch, v4 knows PRODUCER_FENCED.
///
/// Without a transactional id the answer is always a new id with epoch 0, also to a client that names what it has: as
/// in Kafka, only the transaction coordinator bumps epochs, and an idempotent producer bumps its own.
enum InitProducerIdHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...4

  static func handle(_ request: InitProducerIdRequest, _ context: RequestContext) {
    guard request.transactionalId == nil else {
      return refuse(request.transactionalId == "" ? .invalidRequest : transactionsRefused, context)
    }
    guard (request.producerId == -1) == (request.producerEpoch == -1) else { return refuse(.invalidRequest, context) }
    if let id = context.broker.producerIDs.take() { return answer(id, context) }
    context.waitForAnswer()
    context.broker.topics.controller.run { reserve(context) }
  }

  /// There are no transactions yet. Of the errors that stop every client at once (librdkafka tries most others again
  /// until its caller gives up, COORDINATOR_NOT_AVAILABLE and UNSUPPORTED_VERSION among them) this one says what is
  /// true: no transaction timeout is accepted. Those about authorisation would send people after the wrong cause.
  private static let transactionsRefused = ErrorCode.invalidTransactionTimeout

  private static func reserve(_ context: RequestContext) {
    let ids = context.broker.producerIDs
    do throws(DataDirectory.Failure) {
      // Another thread may take the last id of a block before this one does.
      while true {
        try ids.reserve()
        if let id = ids.take() { return answer(id, context) }
      }
    } catch {
      context.broker.logger.error("Producer ids cannot be reserved", metadata: ["error": "\(error)"])
      refuse(.coordinatorNotAvailable, context)
    }
  }

  private static func answer(_ id: Int64, _ context: RequestContext) {
    var response = InitProducerIdResponse()
    response.producerId = id
    response.producerEpoch = 0
    context.respond(response)
  }

  private static func refuse(_ code: ErrorCode, _ context: RequestContext) {
    var response = InitProducerIdResponse()
    response.errorCode = code
    response.producerEpoch = -1
    context.respond(response)
  }
}
