import Foundation
import PluginLoader

/// Turns the fields of a search, which are the same in a query string and in a JSON body, into a ``SearchQuery``.
/// Pure; every refusal names the field and what is accepted.
struct SearchFields {
  static let names = [
    "q", "key", "key_base64", "since", "until", "partition", "offset_from", "offset_to", "order", "limit", "cursor",
    "timeout", "budget", "max_value_bytes",
  ]

  private let fields: [String: String]
  /// ms since 1970.
  private let now: Int64

  /// Names may be written with - for _.
  init(_ given: [String: String], now: Int64) throws(HTTPProblem) {
    var fields: [String: String] = [:]
    for (name, value) in given {
      let plain = String(name.map { $0 == "-" ? "_" : $0 })
      guard Self.names.contains(plain) else {
        throw .badRequest("unknown field \(name.prefix(64)); there are \(Self.names.joined(separator: ", "))")
      }
      guard fields.updateValue(value, forKey: plain) == nil else {
        throw .badRequest("the field \(plain) stands twice")
      }
    }
    self.fields = fields
    self.now = now
  }

  func query(topic: String) throws(HTTPProblem) -> SearchQuery {
    if let complaint = TopicName.complaint(topic) { throw HTTPProblem(.badRequest, "invalid_topic", complaint) }
    var query = SearchQuery(topic: topic)
    query.text = fields["q"] ?? ""
    query.key = try key()
    guard !query.text.trimmingSpaces.isEmpty || query.key != nil else {
      throw .badRequest("nothing to search for: give q, or key for every record with that key")
    }
    query.since = try time("since") ?? .min
    query.until = try time("until") ?? .max
    query.sinceText = fields["since"]
    query.untilText = fields["until"]
    query.partitions = try partitions()
    query.offsetFrom = try integer("offset_from", in: 0...Int64.max) ?? 0
    query.offsetTo = try integer("offset_to", in: 0...Int64.max) ?? .max
    query.order = try order()
    query.limit = Int(try integer("limit", in: 1...Int64(SearchRequest.limitMax)) ?? Int64(query.limit))
    query.cursor = try cursor()
    query.timeout = try timeout()
    query.byteBudget = UInt64(try size("budget") ?? 0)
    query.maxValueBytes = Int(try size("max_value_bytes") ?? .max)
    guard query.cursor.isEmpty || query.order == .newest else {
      throw .badRequest("a cursor goes with the order newest only")
    }
    return query
  }

  private func key() throws(HTTPProblem) -> [UInt8]? {
    guard let encoded = fields["key_base64"] else { return fields["key"].map { Array($0.utf8) } }
    guard fields["key"] == nil else { throw .badRequest("give key or key_base64, not both") }
    guard let data = Data(base64Encoded: encoded) else { throw .badRequest("key_base64 is not base64") }
    return Array(data)
  }

  private func time(_ name: String) throws(HTTPProblem) -> Int64? {
    guard let text = fields[name] else { return nil }
    guard let time = TimeExpression.parse(text, now: now) else {
      throw .badRequest("\(name): expected \(TimeExpression.summary)")
    }
    return time
  }

  private func partitions() throws(HTTPProblem) -> Set<Int32>? {
    guard let text = fields["partition"] else { return nil }
    var numbers: Set<Int32> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = Int32(part.trimmingSpaces), number >= 0 else {
        throw .badRequest("partition: expected a number, or several with commas")
      }
      numbers.insert(number)
    }
    return numbers
  }

  private func order() throws(HTTPProblem) -> SearchRequest.Order {
    switch fields["order"] {
    case nil, "newest": return .newest
    case "relevance": return .relevance
    default: throw .badRequest("order: expected newest or relevance")
    }
  }

  private func cursor() throws(HTTPProblem) -> [UInt8] {
    guard let text = fields["cursor"], !text.isEmpty else { return [] }
    guard let bytes = CursorText.decode(text) else { throw .badRequest("cursor: not one that an answer gave") }
    return bytes
  }

  private func timeout() throws(HTTPProblem) -> Int64? {
    guard let text = fields["timeout"] else { return nil }
    guard let milliseconds = Int64(text) ?? TimeExpression.duration(text), (1...86_400_000).contains(milliseconds)
    else {
      throw .badRequest("timeout: expected milliseconds, or a duration such as 5s, up to a day")
    }
    return milliseconds
  }

  private func integer(_ name: String, in range: ClosedRange<Int64>) throws(HTTPProblem) -> Int64? {
    guard let text = fields[name] else { return nil }
    guard let number = Int64(text), range.contains(number) else {
      let bound = range.upperBound == .max ? "" : " to \(range.upperBound)"
      throw .badRequest("\(name): expected a whole number from \(range.lowerBound)\(bound)")
    }
    return number
  }

  /// Bytes: a number, or one with KiB, MiB or GiB.
  private func size(_ name: String) throws(HTTPProblem) -> Int64? {
    guard let text = fields[name] else { return nil }
    let units: [(String, Int64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
    let unit = units.first { text.lowercased().hasSuffix($0.0.lowercased()) }
    let digits = text.dropLast(unit?.0.count ?? 0).trimmingSpaces
    let product = Int64(digits)?.multipliedReportingOverflow(by: unit?.1 ?? 1)
    guard let product, !product.overflow, product.partialValue >= 0 else {
      throw .badRequest("\(name): expected bytes, such as 65536 or 64KiB")
    }
    return product.partialValue
  }
}

/// A cursor's bytes as text that needs no escape in a URL: base64 with - and _, without padding.
enum CursorText {
  static func encode(_ bytes: [UInt8]) -> String {
    String(
      Data(bytes).base64EncodedString().compactMap { character -> Character? in
        switch character {
        case "+": "-"
        case "/": "_"
        case "=": nil
        default: character
        }
      })
  }

  /// Nil when it is none, or longer than any cursor.
  static func decode(_ text: String) -> [UInt8]? {
    guard text.utf8.count <= 8192, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") }) else {
      return nil
    }
    var plain = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
    plain += String(repeating: "=", count: (4 - plain.count % 4) % 4)
    return Data(base64Encoded: plain).map { Array($0) }
  }
}
