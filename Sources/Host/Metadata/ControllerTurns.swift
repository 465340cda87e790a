/// Makes the changes that one request asks for on the controller thread, a few at a time, so that requests take turns:
/// whoever wants a single topic does not wait for somebody's thousand.
///
/// Confined to the controller thread, but for ``begin()``.
final class ControllerTurns<Item: Sendable, Answer: Sendable>: @unchecked Sendable {
  /// Makes one change and answers once, at once or in a later turn.
  typealias Change = @Sendable (Item, @escaping @Sendable (Answer) -> Void) -> Void

  private let items: [Item]
  private let controller: BlockingPool
  private let change: Change
  private let completion: @Sendable ([Answer]) -> Void
  private var answers: [Answer?]
  private var next = 0
  private var underWay = 0
  private var missing: Int
  private var hasTurn = true

  /// `completion` gets the answers in the order of `items`, on the controller thread.
  init(
    _ items: [Item], on controller: BlockingPool, change: @escaping Change,
    completion: @escaping @Sendable ([Answer]) -> Void
  ) {
    self.items = items
    self.controller = controller
    self.change = change
    self.completion = completion
    answers = Array(repeating: nil, count: items.count)
    missing = items.count
  }

  /// Any thread; does not block. Called once.
  func begin() {
    controller.run { [self] in
      if items.isEmpty { completion([]) } else { turn() }
    }
  }

  private func turn() {
    var begun = 0
    while next < items.count, begun < TopicLimits.changesPerTurn, underWay < TopicLimits.changesPerTurn {
      let index = next
      next += 1
      begun += 1
      underWay += 1
      change(items[index]) { [self] answer in finish(index, answer) }
    }
    hasTurn = false
    if next < items.count, underWay < TopicLimits.changesPerTurn { takeTurn() }
  }

  private func takeTurn() {
    guard !hasTurn else { return }
    hasTurn = true
    controller.run { [self] in turn() }
  }

  private func finish(_ index: Int, _ answer: Answer) {
    precondition(answers[index] == nil, "a change was answered twice")
    answers[index] = answer
    underWay -= 1
    missing -= 1
    if missing == 0 { return completion(answers.compactMap { $0 }) }
    if next < items.count { takeTurn() }
  }
}
