internal import ArchiveFormat
internal import Synchronization

/// Statistics summed by many threads, and how many documents' token counts stay in memory meanwhile.
final class SharedStatistics: Sendable {
  private let sum = Mutex(CorpusStatistics())
  private let keptCount = Mutex(0)
  private let keptCountMax: Int

  init(keptCountMax: Int) { self.keptCountMax = keptCountMax }

  var value: CorpusStatistics { sum.withLock { $0 } }

  func add(_ statistics: CorpusStatistics) { sum.withLock { $0.add(statistics) } }

  /// True, and taken note of, when `count` more fit.
  func mayKeep(_ count: Int) -> Bool {
    keptCount.withLock {
      guard count <= keptCountMax - $0 else { return false }
      $0 += count
      return true
    }
  }
}
