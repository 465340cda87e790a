import KafkaProtocol
import Testing

@testable import Host

@Suite("CreatePartitions")
struct CreatePartitionsTests {
  private func code(_ count: Int32, current: Int32, assignments: [[Int32]]? = nil) -> ErrorCode {
    var request = CreatePartitionsRequest.CreatePartitionsTopic()
    request.name = "t"
    request.count = count
    request.assignments = assignments.map { lists in
      lists.map { brokers in
        var assignment = CreatePartitionsRequest.CreatePartitionsAssignment()
        assignment.brokerIds = brokers
        return assignment
      }
    }
    do throws(AppendRefusal) {
      try CreatePartitionsHandler.check(request, current: current, nodeID: 1)
      return .none
    } catch {
      return error.code
    }
  }

  @Test("only an increase is allowed")
  func counts() {
    #expect(code(4, current: 3) == .none)
    #expect(code(3, current: 3) == .invalidPartitions)
    #expect(code(2, current: 3) == .invalidPartitions)
    #expect(code(-1, current: 3) == .invalidPartitions)
    #expect(code(.max, current: 3) == .invalidPartitions)
  }

  @Test("assignments must cover the new partitions, each with the only broker")
  func assignments() {
    #expect(code(5, current: 3, assignments: [[1], [1]]) == .none)
    #expect(code(5, current: 3, assignments: [[1]]) == .invalidReplicaAssignment)
    #expect(code(5, current: 3, assignments: [[1], [2]]) == .invalidReplicaAssignment)
    #expect(code(5, current: 3, assignments: [[1], [1, 2]]) == .invalidReplicaAssignment)
    #expect(code(4, current: 3, assignments: []) == .invalidReplicaAssignment)
  }
}
