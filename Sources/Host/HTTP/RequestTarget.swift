/// A request's target taken apart: decoded path segments and the fields of the query.
struct RequestTarget: Sendable, Equatable {
  /// "/v1/search/a%2Eb" is ["v1", "search", "a.b"]; the root is []. Segments are data: nothing here is a file name.
  var path: [String]
  var fields: [String: String]

  /// A target is a line of the request's head, which is bounded; so are its pieces.
  private static let fieldCountMax = 64

  init(_ target: String) throws(HTTPProblem) {
    guard target.hasPrefix("/") else { throw .badRequest("the target of a request begins with /") }
    let withoutFragment = target.prefix { $0 != "#" }
    let end = withoutFragment.firstIndex(of: "?")
    path = []
    for segment in withoutFragment[..<(end ?? withoutFragment.endIndex)].split(separator: "/") {
      path.append(try Self.decoded(segment, plusIsSpace: false))
    }
    fields = [:]
    guard let end else { return }
    let pairs = withoutFragment[end...].dropFirst().split(separator: "&")
    guard pairs.count <= Self.fieldCountMax else { throw .badRequest("more than \(Self.fieldCountMax) fields") }
    for pair in pairs {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = try Self.decoded(parts[0], plusIsSpace: true)
      let value = parts.count == 2 ? try Self.decoded(parts[1], plusIsSpace: true) : ""
      guard fields.updateValue(value, forKey: name) == nil else { throw .badRequest("the field \(name) stands twice") }
    }
  }

  /// Percent-decoding to UTF-8; anything else is refused.
  private static func decoded(_ text: Substring, plusIsSpace: Bool) throws(HTTPProblem) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+"), plusIsSpace {
        bytes.append(UInt8(ascii: " "))
      } else if byte == UInt8(ascii: "%") {
        guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
          throw .badRequest("a % is not followed by two hexadecimal digits")
        }
        bytes.append(high << 4 | low)
      } else {
        bytes.append(byte)
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .badRequest("the target is not UTF-8") }
    return text
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
