/// Finds the name that was probably meant.
enum Suggestion {
  /// The candidate closest to `word`, or nil when none is close enough to be worth a question.
  ///
  /// Case and the separators `-`, `_`, `.` and space do not count; otherwise one edit per three characters is forgiven,
  /// where an edit is an insertion, a deletion, a replacement or an exchange of neighbours. Ties go to the earlier
  /// candidate.
  static func closest(to word: String, among candidates: some Sequence<String>) -> String? {
    let folded = fold(word)
    guard !folded.isEmpty, folded.count <= ConfigurationLimits.suggestionCharactersMax else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let other = fold(candidate)
      guard other.count <= ConfigurationLimits.suggestionCharactersMax else { continue }
      let allowed = max(1, min(folded.count, other.count) / 3)
      guard abs(other.count - folded.count) <= allowed else { continue }
      let distance = editDistance(folded, other)
      if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
  }

  private static func fold(_ word: String) -> [Unicode.Scalar] {
    word.lowercased().unicodeScalars.filter { !["-", "_", ".", " "].contains($0) }
  }

  /// The optimal string alignment distance. O(a.count × b.count).
  static func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforePrevious = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    var current = previous
    for i in 1...a.count {
      current[0] = i
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        var distance = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          distance = min(distance, beforePrevious[j - 2] + 1)
        }
        current[j] = distance
      }
      (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[b.count]
  }
}
