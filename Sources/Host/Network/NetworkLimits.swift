/// Bounds of the network layer that are not settings. Those that are stand in the configuration's `network` section.
enum NetworkLimits {
  /// Connections the kernel keeps until they are accepted; more than a fleet that reconnects at once within a loop
  /// turn.
  static let backlog: Int32 = 1024
  /// Memory reserved for a frame before any of its bytes has arrived: a size prefix alone costs no more than this, and
  /// only what is written of it becomes resident. Most requests fit.
  static let initialFrameByteCountMax = 65_536
  /// What a frame is charged beside its bytes: its object, its allocation, its place in the queue. Without it a flood
  /// of the smallest frames would take ten times the memory that `network.max_inflight_bytes` counts.
  static let frameOverhead = 256
  /// A frame that has begun must grow by this much, or end, in every `network.stall_timeout`: 2 KiB/s by default, which
  /// any link carries. It is what makes memory that a peer occupies without finishing cost the peer something.
  static let stallProgressByteCount = 65_536
  /// One read takes at most this part of what is left of `network.max_inflight_bytes`: however many connections are
  /// readable in the same turn of an event loop, the budget is approached in steps, not jumped over.
  static let readShareOfBudget = 32
  /// The smallest, first and largest read. The largest is where throughput of big produces stopped growing; the
  /// smallest still makes progress when the budget is used up.
  static let readByteCountMin = 4096
  static let readByteCountInitial = 16_384
  static let readByteCountMax = 1 << 20
  /// Reads of one connection before the loop turns to the next.
  static let readsPerTurn: UInt = 4
  /// Response bytes waiting for a peer to read, or for an earlier response: above the first, requests wait and nothing
  /// is read until they have fallen below the second. One request can exceed it by its own response only.
  static let unsentByteCountHigh = 4 << 20
  static let unsentByteCountLow = 1 << 20
  /// Bytes of records that one connection has decoded on its event loop before the others get their turn: well below a
  /// millisecond with gzip, the slowest codec, and more than most batches hold. What takes more goes to the decoding
  /// pool, and what was decoded of that batch is decoded again.
  static let decodedByteCountPerTurn = 256 << 10
  /// File descriptors that connections may not take, because a tier that cannot open a file fails writes: at least the
  /// first, and one in so many of what the process may open. The segment log keeps half of all for its files by
  /// default.
  static let descriptorReserveMin = 64
  static let descriptorReserveShare = 2
  /// The longest a Fetch waits, whatever its client asks: an empty answer is always correct, and a peer that is gone
  /// must not keep its request for the 24 days that the field can say.
  static let fetchWaitMax: Int32 = 5 * 60 * 1000
}
