import NIOCore

/// Sizes reads by what the connection sends, as NIO's adaptive allocator, and by what is left of the broker's in-flight
/// budget; see ``NetworkLimits/readShareOfBudget``.
struct BudgetedReceiveAllocator: RecvByteBufferAllocator {
  private let budget: InFlightBudget
  private var adaptive = AdaptiveRecvByteBufferAllocator(
    minimum: NetworkLimits.readByteCountMin, initial: NetworkLimits.readByteCountInitial,
    maximum: NetworkLimits.readByteCountMax)

  init(budget: InFlightBudget) { self.budget = budget }

  private var byteCount: Int {
    let wanted = adaptive.nextBufferSize() ?? NetworkLimits.readByteCountInitial
    return max(NetworkLimits.readByteCountMin, min(wanted, budget.left / NetworkLimits.readShareOfBudget))
  }

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: byteCount) }

  func nextBufferSize() -> Int? { byteCount }

  mutating func record(actualReadBytes: Int) -> Bool { adaptive.record(actualReadBytes: actualReadBytes) }
}
