import KafkaProtocol
import NIOConcurrencyHelpers
import Synchronization

/// Appends record batches.
///
/// v3–v8 plain, v8 names the refused records, v9 flexible, v10 leader hints (never needed: there is one broker).
/// Advertised from 0 because older librdkafka looks at the minimum; 0–2 are refused. Records are patched in the frame's
/// own memory and kept there.
enum ProduceHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 3...11
  static let advertisedVersions: ClosedRange<Int16> = 0...11

  static func handle(_ request: ProduceRequest, _ context: RequestContext) {
    let count = request.topicData.reduce(0) { $0 + $1.partitionData.count }
    guard let acks = Acks(wire: request.acks) else {
      return ProduceOperation(request, context, count: count, acks: .leader).refuseAll(.invalidRequiredAcks)
    }
    let operation = ProduceOperation(request, context, count: count, acks: acks)
    guard count > 0 else { return operation.respond() }
    let now = WallClock.milliseconds
    // An answer lets the connection go on with its next request at once, so the allowance may be used meanwhile.
    let connection = context.connection
    var allowance = connection.decodingAllowance
    let rest = append(request, from: 0, operation, now, allowance: &allowance) { true }
    connection.decodingAllowance = min(allowance, connection.decodingAllowance)
    guard let rest else { return }
    // Later requests of the connection wait, so that the order in which its records are appended stays.
    context.runDecoding { finishDecoding(request, from: rest, operation, now) }
  }

  /// The partitions from the `first`th on, on the decoding pool. What the request's allowance is not enough for is
  /// refused.
  private static func finishDecoding(
    _ request: ProduceRequest, from first: Int, _ operation: ProduceOperation, _ now: Int64
  ) {
    let context = operation.context
    let pool = context.broker.decodingPool
    // A producer with acks=0 may close as soon as it has sent: its records count nevertheless.
    let goesOn = {
      !pool.isStopping && (operation.acks == .none || !context.connection.hasEnded.load(ordering: .relaxed))
    }
    var allowance = AppendValidator.requestAllowance(frameByteCount: context.frame.byteCount)
    guard let rest = append(request, from: first, operation, now, allowance: &allowance, while: goesOn) else { return }
    let refusal =
      goesOn()
      ? AppendValidator.allowanceUsedUp
      : AppendRefusal(code: .notLeaderOrFollower, message: "The broker stops, or the connection has ended.")
    operation.refuse(from: rest, refusal)
  }

  /// Appends to the partitions of the request from the `first`th on. Returns the one whose records take more decoding
  /// than the allowance, or at which `goesOn` said false, and nothing from there on has been appended; nil when all are
  /// appended or refused.
  private static func append(
    _ request: ProduceRequest, from first: Int, _ operation: ProduceOperation, _ now: Int64, allowance: inout Int,
    while goesOn: () -> Bool
  ) -> Int? {
    var index = 0
    for topic in request.topicData {
      let end = index + topic.partitionData.count
      defer { index = end }
      guard first < end else { continue }
      let served = operation.context.broker.topics.topic(topic.name)
      for (number, partition) in topic.partitionData.enumerated() where index + number >= first {
        let isDone = append(
          partition, to: served, named: topic.name, operation, index + number, now, allowance: &allowance, while: goesOn
        )
        if !isDone { return index + number }
      }
    }
    return nil
  }

  /// False, and nothing has happened, when the records take more decoding than the allowance or `goesOn` says so.
  private static func append(
    _ partition: ProduceRequest.PartitionProduceData, to topic: Topic?, named name: String,
    _ operation: ProduceOperation, _ index: Int, _ now: Int64, allowance: inout Int, while goesOn: () -> Bool
  ) -> Bool {
    guard let log = topic?.partition(partition.index) else {
      operation.complete(index, .refused(.unknownTopicOrPartition, nil))
      return true
    }
    guard topic?.isInternal != true else {
      operation.complete(
        index, .refused(.invalidTopicException, "Clients may not write to the internal topic \(name)."))
      return true
    }
    guard case .inFrame(let range) = partition.records, !range.isEmpty else {
      operation.complete(index, acceptedNothing(log))
      return true
    }
    let validator = log.validator
    let frame = operation.context.frame
    do throws(AppendRefusal) {
      guard
        let batches = try validator.validate(range, in: frame.bytes, now: now, allowance: &allowance, while: goesOn)
      else { return false }
      try check(batches, version: operation.context.version)
      log.append(
        AppendRequest(frame: frame, batches: batches, acks: operation.acks, codec: validator.codec) {
          operation.complete(index, $0)
        })
    } catch {
      operation.complete(
        index,
        .refused(error.code, error.message, logStartOffset: log.offsets.logStartOffset, records: error.records))
    }
    return true
  }

  /// Clients before v7 know nothing of zstd, and neither do the consumers of their time (KIP-110).
  private static func check(_ batches: [ValidatedBatch], version: Int16) throws(AppendRefusal) {
    guard version < 7, batches.contains(where: { $0.header.compression == .zstd }) else { return }
    throw AppendRefusal(
      code: .unsupportedCompressionType,
      message: "Produce requests with version \(version) are not allowed to use ZStandard compression.")
  }

  /// Empty and null record sets occur in practice: accepted, nothing is stored.
  private static func acceptedNothing(_ log: PartitionLog) -> AppendOutcome {
    let offsets = log.offsets
    return AppendOutcome(
      code: .none, message: nil, baseOffset: offsets.logEndOffset, logAppendTime: -1,
      logStartOffset: offsets.logStartOffset)
  }
}

/// One produce request until its last partition is decided. Completions come from any thread.
final class ProduceOperation: Sendable {
  let context: RequestContext
  let acks: Acks
  private let request: ProduceRequest
  private let state: NIOLockedValueBox<State>

  private struct State {
    var outcomes: [AppendOutcome?]
    var missing: Int
  }

  init(_ request: ProduceRequest, _ context: RequestContext, count: Int, acks: Acks) {
    self.request = request
    self.context = context
    self.acks = acks
    state = NIOLockedValueBox(State(outcomes: Array(repeating: nil, count: count), missing: count))
  }

  func complete(_ index: Int, _ outcome: AppendOutcome) {
    let isLast = state.withLockedValue { state in
      precondition(state.outcomes[index] == nil, "a partition was decided twice")
      state.outcomes[index] = outcome
      state.missing -= 1
      return state.missing == 0
    }
    if isLast { respond() }
  }

  /// Refuses the partitions from the `first`th on, none of which is decided.
  func refuse(from first: Int, _ refusal: AppendRefusal) {
    let count = state.withLockedValue { $0.outcomes.count }
    for index in first..<count { complete(index, .refused(refusal.code, refusal.message)) }
  }

  func refuseAll(_ code: ErrorCode) {
    state.withLockedValue { state in
      for index in state.outcomes.indices { state.outcomes[index] = .refused(code, nil) }
    }
    respond()
  }

  func respond() {
    let outcomes = state.withLockedValue { $0.outcomes }
    if acks == .none { return respondToNobody(outcomes) }
    var response = ProduceResponse()
    var index = 0
    response.responses = request.topicData.map { topic in
      var result = ProduceResponse.TopicProduceResponse()
      result.name = topic.name
      result.partitionResponses = topic.partitionData.map { partition in
        defer { index += 1 }
        return Self.response(partition.index, outcomes[index])
      }
      return result
    }
    context.respond(response)
  }

  private static func response(_ number: Int32, _ outcome: AppendOutcome?) -> ProduceResponse.PartitionProduceResponse {
    let outcome = outcome ?? .refused(.unknownServerError, nil)
    var result = ProduceResponse.PartitionProduceResponse()
    result.index = number
    result.errorCode = outcome.code
    result.baseOffset = outcome.baseOffset
    result.logAppendTimeMs = outcome.logAppendTime
    result.logStartOffset = outcome.logStartOffset
    // Clients fail these records with the partition's error and the others of the batch as innocent.
    result.recordErrors = outcome.defectiveRecords.map { record in
      var recordError = ProduceResponse.BatchIndexAndErrorMessage()
      recordError.batchIndex = Int32(record.index)
      recordError.batchIndexErrorMessage = "Record \(record.index) of the batch: \(record.defect.rawValue)."
      return recordError
    }
    result.errorMessage = outcome.code == .none ? nil : outcome.message ?? outcome.code.sentence
    return result
  }

  /// acks=0: no response. An error can only be shown by closing the connection, as Kafka does, so that the client asks
  /// for metadata again.
  private func respondToNobody(_ outcomes: [AppendOutcome?]) {
    context.finishWithoutResponse()
    guard outcomes.contains(where: { $0?.code != ErrorCode.none }) else { return }
    let connection = context.connection
    connection.eventLoop.execute { connection.close() }
  }
}
