import Configuration
import Logging
import Synchronization

/// The level of the broker's log, which clients may change while it runs. Any thread.
final class LogLevelSwitch: Sendable {
  /// An index of `Logger.Level.allCases`: whether a line is written is asked too often for a lock.
  private let index: Atomic<Int>

  init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

  /// Begins with the level of the configuration file.
  convenience init(_ level: Configuration.Log.Level) {
    guard let level = Logger.Level(rawValue: level.rawValue) else { preconditionFailure("no log level \(level)") }
    self.init(level)
  }

  var level: Logger.Level {
    get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
    set { index.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  private static func index(of level: Logger.Level) -> Int {
    guard let index = Logger.Level.allCases.firstIndex(of: level) else { preconditionFailure("no log level \(level)") }
    return index
  }
}
