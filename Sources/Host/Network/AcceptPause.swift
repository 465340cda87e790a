import NIOCore

/// Rests the listener after a failed accept. Without a free descriptor the kernel goes on to report the same waiting
/// connection, and asking again at once would cost a whole processor until one is closed.
///
/// In the pipeline of the server channel; confined to its event loop.
final class AcceptPause: ChannelInboundHandler {
  typealias InboundIn = any Channel

  static let rest: TimeAmount = .milliseconds(200)
  private var isResting = false

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if !isResting {
      isResting = true
      let channel = context.channel
      channel.setOption(.autoRead, value: false).whenFailure { _ in }
      let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: Self.rest) {
        loopBound.value.isResting = false
        channel.setOption(.autoRead, value: true).whenFailure { _ in }
      }
    }
    context.fireErrorCaught(error)
  }
}
