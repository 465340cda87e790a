import Foundation

/// The JSON body of a search: one object whose values are strings, whole numbers, booleans or lists of them.
enum SearchBody {
  /// The same fields that a query string would give.
  static func fields(_ bytes: [UInt8]) throws(HTTPProblem) -> [String: String] {
    let object: [String: Value]
    do {
      object = try JSONDecoder().decode([String: Value].self, from: Data(bytes))
    } catch {
      throw HTTPProblem(
        .badRequest, "bad_json", "the body must be one JSON object of strings, whole numbers and lists of them")
    }
    return object.compactMapValues(\.text)
  }

  /// Nil text: null, which is the same as absent.
  private struct Value: Decodable {
    var text: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() { return }
      do { text = try container.decode(String.self); return } catch DecodingError.typeMismatch {}
      do { text = try container.decode(Bool.self) ? "true" : "false"; return } catch DecodingError.typeMismatch {}
      do { text = String(try container.decode(Int64.self)); return } catch DecodingError.typeMismatch {}
      text = try container.decode([Value].self).compactMap(\.text).joined(separator: ",")
    }
  }
}
