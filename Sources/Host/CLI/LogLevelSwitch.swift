import Configuration
import Logging
import Synchronization

/// The level of the broker's log, which clients may change while it runs. Any thread.
final class LogLevelSwitch: Sendable {
  /// An index of `levels`: whether a line is written is asked too often for a lock.
  private let index: Atomic<Int>

  private static let levels = Logger.Level.allCases

  init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

  /// Begins with the level of the configuration file.
  convenience init(_ level: Configuration.Log.Level) {
    guard let level = Logger.Level(rawValue: level.rawValue) else { preconditionFailure("no log level \(level)") }
    self.init(level)
  }

  var level: Logger.Level {
    get { Self.levels[index.load(ordering: .relaxed)] }
    set { index.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  private static func index(of level: Logger.Level) -> Int {
    guard let index = levels.firstIndex(of: level) else { preconditionFailure("no log level \(level)") }
    return index
  }
}
