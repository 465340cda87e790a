/// Which terms of the index propose the documents for a query.
struct CandidatePlan {
  /// One per clause that must hold: all its terms must occur.
  private var required: [[Term]] = []
  /// Without any required clause: one per alternative.
  private var alternatives: [[Term]] = []
  /// Documents with these are out, because the term alone decides.
  private var excluded: [Term] = []
  /// False when the index cannot propose and everything has to be read.
  private(set) var isUsable = false
  /// True when every proposed document is an answer.
  private(set) var isExact = true
  private(set) var usesWords: Bool

  /// `words` and `keys` say what the object's index has.
  init(_ query: Query, words: Bool, keys: Bool) {
    usesWords = words
    let hasMust = query.clauses.contains { $0.occurrence == .must }
    var allAlternativesPropose = true
    for clause in query.clauses {
      let terms = Self.terms(clause.condition, words: words, keys: keys)
      let decides = Self.decides(clause.condition) && !terms.isEmpty
      switch clause.occurrence {
      case .must:
        if !decides { isExact = false }
        if !terms.isEmpty { required.append(terms) }
      case .should:
        if hasMust { continue }
        if !decides { isExact = false }
        if terms.isEmpty { allAlternativesPropose = false } else { alternatives.append(terms) }
      case .mustNot:
        if decides { excluded += terms } else { isExact = false }
      }
    }
    isUsable = hasMust ? !required.isEmpty : allAlternativesPropose
  }

  private static func terms(_ condition: Query.Condition, words: Bool, keys: Bool) -> [Term] {
    switch condition {
    case .all: []
    case .key(let key): keys ? [Term(key: key)] : []
    case .phrase(let tokens), .header(_, let tokens): words ? tokens.map(Term.init(token:)) : []
    }
  }

  /// True for a single word that is its own term. A longer one is a hash that takes twelve bytes, so a word of twelve
  /// bytes may share a term with it.
  private static func decides(_ condition: Query.Condition) -> Bool {
    guard case .phrase(let tokens) = condition, tokens.count == 1 else { return false }
    return tokens[0].count <= Term.byteCountMax && tokens[0].count != 12
  }

  /// Terms to look up: those that propose and exclude, and for ranking all `words`.
  func terms(ranked: Bool, words: [Term]) -> Set<Term> {
    var terms = Set(excluded)
    for clause in required + alternatives { terms.formUnion(clause) }
    if ranked, usesWords { terms.formUnion(words) }
    return terms
  }

  /// False when a term that must occur does not.
  func mayMatch(_ places: [Term: TermPostings]) -> Bool {
    if required.isEmpty { return alternatives.contains { $0.allSatisfy { places[$0] != nil } } }
    return required.allSatisfy { $0.allSatisfy { places[$0] != nil } }
  }

  /// The lists that `candidates`, and ranking, need.
  func needed(_ places: [Term: TermPostings], ranked: Bool, words: [Term]) -> [Term: TermPostings] {
    let terms = terms(ranked: ranked, words: words)
    return places.filter { terms.contains($0.key) }
  }

  /// Documents, ascending, that hold all answers.
  func candidates(_ lists: [Term: PostingList]) -> [UInt32] {
    func documents(_ term: Term) -> [UInt32] { lists[term]?.documents ?? [] }
    let proposed: [UInt32]
    if required.isEmpty {
      proposed = DocumentSet.union(alternatives.map { DocumentSet.intersection($0.map(documents)) })
    } else {
      proposed = DocumentSet.intersection(Set(required.flatMap(\.self)).map(documents))
    }
    return excluded.reduce(proposed) { DocumentSet.subtract(documents($1), from: $0) }
  }
}
