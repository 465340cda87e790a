import NIOConcurrencyHelpers

/// One of the searches that may be under way. Given back once; a second time does nothing.
final class SearchPlace: Sendable {
  private let giveBack: NIOLockedValueBox<(@Sendable () -> Void)?>

  init(_ giveBack: @escaping @Sendable () -> Void) { self.giveBack = NIOLockedValueBox(giveBack) }

  func release() {
    let giveBack = giveBack.withLockedValue { stored in
      defer { stored = nil }
      return stored
    }
    giveBack?()
  }
}
