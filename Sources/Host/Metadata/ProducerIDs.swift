import NIOConcurrencyHelpers

/// Gives out producer ids that no producer of this data directory has ever had.
///
/// Ids are reserved in blocks: the end of a block is durable before the first id of the block is given out, so a crash
/// loses what is left of a block and repeats nothing. ``take()`` may be called from any thread and does not block;
/// ``reserve()`` is called on the controller thread.
final class ProducerIDs: Sendable {
  /// Kafka's block size.
  static let blockSize: Int64 = 1000

  private struct Block: Sendable {
    var next: Int64
    var end: Int64
  }

  private let block: NIOLockedValueBox<Block>
  /// The end of the last reserved block. Controller thread only.
  private let counter: UncheckedBox<DurableCounter>

  /// Blocks. Begins a new block at the first need.
  init(directory: String) throws(DataDirectory.Failure) {
    let counter = try DurableCounter(path: "\(directory)/producer-ids", initial: 0)
    self.counter = UncheckedBox(counter)
    block = NIOLockedValueBox(Block(next: counter.value, end: counter.value))
  }

  /// The next id, or nil when a block has to be reserved first.
  func take() -> Int64? {
    block.withLockedValue { block in
      guard block.next < block.end else { return nil }
      defer { block.next += 1 }
      return block.next
    }
  }

  /// Reserves a block if there is none. Blocks.
  func reserve() throws(DataDirectory.Failure) {
    guard block.withLockedValue({ $0.next >= $0.end }) else { return }
    let start = counter.value.value
    try counter.value.set(start + Self.blockSize)
    block.withLockedValue { $0 = Block(next: start, end: start + Self.blockSize) }
  }

  /// Begins above every id that the logs know when the counter's file was lost. Before the first ``take()``; blocks.
  func recover(above largest: Int64) throws(DataDirectory.Failure) {
    // A client may write any number into a batch: one that would exhaust the ids is not believed.
    guard counter.value.isNew, largest >= counter.value.value, largest < Int64.max / 2 else { return }
    try counter.value.set(largest + 1)
    block.withLockedValue { $0 = Block(next: largest + 1, end: largest + 1) }
  }
}
