import NIOConcurrencyHelpers
import NIOCore

/// Notices that a client has closed its side while it waits, so that a search does not go on for nobody.
///
/// One of these stands in the pipeline of each connection. A client that closes only its sending side counts as gone,
/// too: the two look the same from here until something is sent.
final class ClientWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = NIOAny
  typealias InboundOut = NIOAny

  private struct State: Sendable {
    var isGone = false
    var onGone: (@Sendable () -> Void)?
  }
  private let state = NIOLockedValueBox(State())

  /// Calls `onGone` once, at once when the client has gone already. It replaces an earlier one; nil for none.
  func watch(_ onGone: (@Sendable () -> Void)?) {
    let isGone = state.withLockedValue { state in
      state.onGone = state.isGone ? nil : onGone
      return state.isGone
    }
    if isGone { onGone?() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { gone() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    gone()
    context.fireChannelInactive()
  }

  private func gone() {
    let onGone = state.withLockedValue { state in
      state.isGone = true
      defer { state.onGone = nil }
      return state.onGone
    }
    onGone?()
  }
}
