import KafkaProtocol
import Testing

struct ErrorCodeTests {
  @Test("the table has every code from -1 to 133 once, in order, each with a name and a sentence")
  func table() {
    #expect(ErrorCode.all.map(\.rawValue) == Array(-1...133))
    let names = ErrorCode.all.compactMap(\.name)
    #expect(Set(names).count == 135)
    for code in ErrorCode.all {
      #expect(code.name?.allSatisfy { $0.isUppercase || $0.isNumber || $0 == "_" } == true)
      #expect(code.sentence.hasSuffix(".") && code.sentence.first?.isUppercase == true)
    }
  }

  @Test("numbers and names are Kafka's")
  func names() {
    let expected: [(ErrorCode, Int16, String)] = [
      (.unknownServerError, -1, "UNKNOWN_SERVER_ERROR"), (.none, 0, "NONE"),
      (.offsetOutOfRange, 1, "OFFSET_OUT_OF_RANGE"), (.corruptMessage, 2, "CORRUPT_MESSAGE"),
      (.notLeaderOrFollower, 6, "NOT_LEADER_OR_FOLLOWER"),
      (.rebalanceInProgress, 27, "REBALANCE_IN_PROGRESS"),
      (.unsupportedVersion, 35, "UNSUPPORTED_VERSION"),
      (.outOfOrderSequenceNumber, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER"),
      (.kafkaStorageError, 56, "KAFKA_STORAGE_ERROR"),
      (.memberIdRequired, 79, "MEMBER_ID_REQUIRED"), (.invalidRecord, 87, "INVALID_RECORD"),
      (.unknownTopicId, 100, "UNKNOWN_TOPIC_ID"),
      (.transactionAbortable, 120, "TRANSACTION_ABORTABLE"),
      (.shareSessionLimitReached, 133, "SHARE_SESSION_LIMIT_REACHED"),
    ]
    for (code, number, name) in expected {
      #expect(code.rawValue == number)
      #expect(code.name == name)
      #expect("\(code)" == name)
    }
  }

  /// As the protocol guide of Kafka 4 lists them.
  @Test("clients retry these codes and no others")
  func retriable() {
    let retriable: [Int16] = [
      2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88,
      89, 100, 103, 106, 122, 123, 133,
    ]
    #expect(ErrorCode.all.filter(\.isRetriable).map(\.rawValue) == retriable)
  }

  @Test("a number outside the table keeps its value and has no name")
  func unknown() {
    for number: Int16 in [.min, -2, 134, .max] {
      let code = ErrorCode(rawValue: number)
      #expect(code.rawValue == number)
      #expect(code.name == nil)
      #expect(!code.isRetriable)
      #expect("\(code)" == "\(number)")
    }
  }
}
