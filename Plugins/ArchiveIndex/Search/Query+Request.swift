internal import ArchiveFormat
internal import TierKit

extension Query {
  /// What a request asks for. Throws `invalidConfiguration` with the character where the query cannot be read.
  init(_ request: SearchRequest) throws(TierError) {
    guard (1...SearchLimits.hitCountMax).contains(request.limit) else {
      throw TierError(
        .invalidConfiguration, "limit: expected 1 to \(SearchLimits.hitCountMax) records, got \(request.limit)")
    }
    guard let text = String(validating: request.query, as: UTF8.self) else {
      throw TierError(.invalidConfiguration, "query: not UTF-8")
    }
    let key = request.key.map { Clause(.must, .key($0)) }
    do throws(QueryError) {
      try self.init(parsing: text, and: key.map { [$0] } ?? [])
    } catch {
      let character = String(decoding: request.query.prefix(error.position), as: UTF8.self).count + 1
      throw TierError(.invalidConfiguration, "query, at character \(character): \(error.defect.rawValue)")
    }
    order = request.order == .newest ? .newest : .relevance
    limit = request.limit
    if request.since != .min || request.until != .max {
      timestamps = request.since..<max(request.since, request.until)
    }
  }

  /// True when no clause has a word to count.
  var usesNoWord: Bool {
    clauses.allSatisfy {
      switch $0.condition {
      case .all, .key: true
      case .phrase, .header: false
      }
    }
  }
}
