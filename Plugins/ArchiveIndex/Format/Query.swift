/// What records are searched for.
public struct Query: Sendable, Equatable {
  public var clauses: [Clause]
  /// Only records in this range of offsets.
  public var offsets: Range<Int64>?
  /// Only records with a timestamp in this range, in milliseconds since 1970.
  public var timestamps: Range<Int64>?
  /// Only records that come behind this one, newest first: how a search goes on behind its last record.
  public var behind: Place?
  public var order = Order.newest
  /// Records wanted, at least 1.
  public var limit = 10

  public init(clauses: [Clause]) { self.clauses = clauses }

  public enum Order: String, Sendable, Equatable {
    /// The latest timestamp first; of equal ones the highest offset.
    case newest
    case relevance
  }

  /// A record's place in the order newest first.
  public struct Place: Sendable, Equatable {
    /// Milliseconds since 1970.
    public var timestamp: Int64
    public var offset: Int64

    public init(timestamp: Int64, offset: Int64) {
      self.timestamp = timestamp
      self.offset = offset
    }
  }

  public struct Clause: Sendable, Equatable {
    public var occurrence: Occurrence
    public var condition: Condition

    public init(_ occurrence: Occurrence, _ condition: Condition) {
      self.occurrence = occurrence
      self.condition = condition
    }
  }

  public enum Occurrence: Sendable, Equatable {
    case must
    /// Raises the score; without any `must`, one of these has to hold.
    case should
    case mustNot
  }

  public enum Condition: Sendable, Equatable {
    /// These tokens one behind the other in the key, the value or a header's value. A word is a phrase of one.
    case phrase([[UInt8]])
    /// The same, in the value of a header with this name.
    case header(name: [UInt8], [[UInt8]])
    /// The record's key, exactly.
    case key([UInt8])
    /// Every record.
    case all
  }
}

/// Why a query's text is none.
public struct QueryError: Error, Equatable, CustomStringConvertible {
  /// Byte of the text's UTF-8.
  public var position: Int
  public var defect: Defect

  public enum Defect: String, Sendable, Equatable {
    case empty = "nothing to search for"
    case onlyExclusions = "only exclusions; say also what to find"
    case unterminatedQuote = "this quotation mark is not closed"
    case noWord = "no letters or digits to search for"
    case missingValue = "a value is missing behind the colon"
    case missingHeaderName = "a header name is missing between `header.` and the colon"
    case missingClause = "a clause is missing behind the sign"
    case tooLong = "the query is too long"
    case tooManyWords = "the query has too many words"
  }

  public var description: String { "at character \(position + 1): \(defect.rawValue)" }
}
