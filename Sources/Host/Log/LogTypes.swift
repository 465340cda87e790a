import KafkaProtocol
import KafkaRecords
import NIOCore
import PluginLoader

/// Offsets of a partition at one moment.
struct LogOffsets: Sendable, Equatable {
  /// First offset that can be read.
  var logStartOffset: Int64
  /// Offset after the last appended record.
  var logEndOffset: Int64
  /// Everything below is visible to consumers and cannot be lost by a crash.
  var highWatermark: Int64
  /// Everything below belongs to no open transaction; equal to the high watermark without transactions.
  var lastStableOffset: Int64
  var leaderEpoch: Int32
}

/// When a produce is answered. The meanings are those of `architecture.md`, section 3.
enum Acks: Sendable {
  /// No response.
  case none
  /// The commit tier has the bytes.
  case leader
  /// The bytes are durable and below the high watermark.
  case all

  /// The wire's 0, 1 and -1.
  init?(wire: Int16) {
    switch wire {
    case 0: self = .none
    case 1: self = .leader
    case -1: self = .all
    default: return nil
    }
  }
}

/// What became of one partition's records.
struct AppendOutcome: Sendable {
  var code: ErrorCode
  var message: String?
  /// Of the first batch; -1 on an error.
  var baseOffset: Int64
  /// ms; -1 unless the topic uses LogAppendTime.
  var logAppendTime: Int64
  var logStartOffset: Int64
  /// The records at fault, when it was records that were refused.
  var defectiveRecords: [DefectiveRecord] = []

  static func refused(
    _ code: ErrorCode, _ message: String?, logStartOffset: Int64 = -1, records: [DefectiveRecord] = []
  ) -> AppendOutcome {
    AppendOutcome(
      code: code, message: message, baseOffset: -1, logAppendTime: -1, logStartOffset: logStartOffset,
      defectiveRecords: records)
  }
}

/// Somebody who waits for a partition to change. Woken at most once, from any thread; it must not block.
protocol LogWaiter: AnyObject, Sendable {
  func wake()
}

/// What a fetch of one partition found.
enum LogRead: Sendable {
  /// `extents` may be empty: nothing below the bound yet, or not within the byte limit.
  case records(extents: [Extent], byteCount: Int, offsets: LogOffsets)
  case refused(ErrorCode, offsets: LogOffsets)
  /// `isCold`: below the commit tier, where it may take long.
  case wouldBlock(isCold: Bool)
}
