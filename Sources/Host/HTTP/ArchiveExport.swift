import HTTPTypes
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import PluginLoader

/// Sends the segment index of the tier that keeps an archive, piece by piece as the tier writes it.
final class ArchiveExport: Sendable {
  /// Exports at the same time; each holds a thread until its client has everything or is cut off.
  private static let underWayMax = 4

  private let archive: SegmentIndexExport?
  private let pool: BlockingPool?
  private let underWay = NIOLockedValueBox(0)
  private let logger: Logger

  init(chain: TierChain, logger: Logger) {
    archive = chain.tiers.lazy.compactMap { SegmentIndexExport($0) }.first
    pool = archive == nil ? nil : BlockingPool(name: "archive-export", threads: Self.underWayMax)
    self.logger = logger
  }

  var isOffered: Bool { archive != nil }

  /// Waits for the exports under way, whose clients were cut off before. Blocks.
  func stop() { pool?.stop() }

  /// Sends the index of one topic, or of all when it is empty. A failure before the first piece is an answer of its
  /// own; a later one cuts the connection, so that the client sees that the text is not whole.
  func send(
    topic: String, _ writer: consuming ResponseWriter, taking timeout: TimeAmount, on channel: any Channel
  ) async throws {
    guard let archive, let pool, admit() else {
      let problem = HTTPProblem(.serviceUnavailable, "busy", "as many exports are under way as may be", retryAfter: 1)
      let reply = HTTPReply(problem)
      return try await writer.write(response: reply.head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
    defer { underWay.withLockedValue { $0 -= 1 } }
    let stream = PieceStream()
    let failure = NIOLockedValueBox<TierFailure?>(nil)
    pool.run {
      stream.run { write in
        do throws(TierFailure) { try archive.exportJSON(topic: topic, write: write) } catch {
          failure.withLockedValue { $0 = error }
        }
      }
    }
    defer { stream.abandon() }
    let timer = channel.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    defer { timer.cancel() }
    var pieces = stream.pieces.makeAsyncIterator()
    let first = await pieces.next()
    if let error = failure.withLockedValue({ $0 }) {
      logger.error("The segment index cannot be exported", metadata: ["error": "\(error)"])
      let reply = HTTPReply(HTTPProblem(.internalServerError, "export_failed", "\(error)"))
      return try await writer.write(response: reply.head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
    var fields = HTTPFields()
    HTTPReply.addCommon(&fields)
    var body = try await writer.writeHead(HTTPResponse(status: .ok, headerFields: fields))
    var piece = first
    while let bytes = piece {
      try await body.write(bytes)
      stream.took()
      piece = await pieces.next()
    }
    if let error = failure.withLockedValue({ $0 }) { throw error }
    try await body.finish(nil)
  }

  private func admit() -> Bool {
    underWay.withLockedValue { count in
      guard count < Self.underWayMax else { return false }
      count += 1
      return true
    }
  }
}
