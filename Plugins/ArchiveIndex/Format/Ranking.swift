#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// How often a query's tokens occur in a body of records: what BM25 needs beyond a record. Sums over objects.
public struct CorpusStatistics: Sendable, Equatable {
  public var documentCount = 0
  public var tokenCount = 0
  /// By folded token.
  public var documentFrequencies: [[UInt8]: Int] = [:]

  public init() {}

  public mutating func add(_ other: CorpusStatistics) {
    documentCount += other.documentCount
    tokenCount += other.tokenCount
    documentFrequencies.merge(other.documentFrequencies, uniquingKeysWith: +)
  }
}

/// BM25 with k1 = 1.2 and b = 0.75. Token counts are taken as coarsely as NORM keeps them.
struct Ranking {
  private let weights: [Double]
  private let averageTokenCount: Double

  private static let k1 = 1.2
  private static let b = 0.75

  init(tokens: [[UInt8]], statistics: CorpusStatistics) {
    weights = tokens.map { token in
      let frequency = Double(statistics.documentFrequencies[token] ?? 0)
      return log(1 + (max(0, Double(statistics.documentCount) - frequency) + 0.5) / (frequency + 0.5))
    }
    averageTokenCount = max(1, Double(statistics.tokenCount) / Double(max(1, statistics.documentCount)))
  }

  /// What token `index` adds to the score of a document that has it `frequency` times.
  func score(_ index: Int, frequency: Int, norm: UInt8) -> Double {
    if frequency == 0 { return 0 }
    let frequency = Double(min(frequency, ArchiveLimits.termFrequencyMax))
    let length = Norms.tokenCount(norm) / averageTokenCount
    return weights[index] * frequency * (Self.k1 + 1) / (frequency + Self.k1 * (1 - Self.b + Self.b * length))
  }
}
