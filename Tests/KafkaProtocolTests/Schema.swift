import Foundation

/// Kafka's message definitions, read from the folder that the environment variable KAFKA_MESSAGES names.
enum Schema {
  static let folder: String? = ProcessInfo.processInfo.environment["KAFKA_MESSAGES"]
  static let skipReason = "set KAFKA_MESSAGES to a folder with Kafka's message definitions (*.json)"

  struct Message {
    var apiKey: Int16?
    var name: String
    var validVersions: ClosedRange<Int>
    /// Nil for messages that are never flexible.
    var flexibleVersions: ClosedRange<Int>?
    var fields: [Field]

    func isFlexible(_ version: Int) -> Bool { flexibleVersions?.contains(version) ?? false }
  }

  struct Field {
    var name: String
    /// Of the elements, when the field is an array.
    var elementType: String
    var isArray: Bool
    var versions: ClosedRange<Int>
    var nullableVersions: ClosedRange<Int>?
    var taggedVersions: ClosedRange<Int>?
    var tag: Int?
    var defaultText: String?
    /// Empty unless the element type is a struct.
    var fields: [Field]

    var isStruct: Bool { !fields.isEmpty }
    func isNullable(_ version: Int) -> Bool { nullableVersions?.contains(version) ?? false }
    func isTagged(_ version: Int) -> Bool { taggedVersions?.contains(version) ?? false }
    /// The Swift property: the name with its first letter lower-cased.
    var property: String { name.prefix(1).lowercased() + name.dropFirst() }
  }

  enum Failure: Error { case unreadable(String) }

  static func message(_ name: String) throws -> Message {
    let url = URL(fileURLWithPath: folder ?? "").appendingPathComponent(name + ".json")
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    guard let json = object as? [String: Any], let versions = range(json["validVersions"]),
      let fields = json["fields"] as? [[String: Any]]
    else { throw Failure.unreadable(name) }
    var common: [String: [[String: Any]]] = [:]
    for structure in json["commonStructs"] as? [[String: Any]] ?? [] {
      common[structure["name"] as? String ?? ""] = structure["fields"] as? [[String: Any]]
    }
    return Message(
      apiKey: (json["apiKey"] as? Int).map(Int16.init), name: name, validVersions: versions,
      flexibleVersions: range(json["flexibleVersions"]),
      fields: try fields.map { try field($0, common) })
  }

  private static func field(
    _ json: [String: Any], _ common: [String: [[String: Any]]]
  ) throws -> Field {
    guard let name = json["name"] as? String, let type = json["type"] as? String,
      let versions = range(json["versions"])
    else { throw Failure.unreadable("\(json)") }
    let isArray = type.hasPrefix("[]")
    let element = isArray ? String(type.dropFirst(2)) : type
    let nested = json["fields"] as? [[String: Any]] ?? common[element] ?? []
    return Field(
      name: name, elementType: element, isArray: isArray, versions: versions,
      nullableVersions: range(json["nullableVersions"]),
      taggedVersions: range(json["taggedVersions"]), tag: json["tag"] as? Int,
      defaultText: defaultText(json["default"]),
      fields: try nested.map { try self.field($0, common) })
  }

  private static func defaultText(_ value: Any?) -> String? {
    switch value {
    case let text as String: text
    // JSON booleans arrive as numbers too; both print as a number, and 0 is the only one in use for booleans.
    case let number as NSNumber: number.stringValue
    default: nil
    }
  }

  /// "3-11", "3+", "0"; nil for "none" and for nothing.
  private static func range(_ value: Any?) -> ClosedRange<Int>? {
    guard let text = value as? String, text != "none", !text.isEmpty else { return nil }
    if text.hasSuffix("+") { return Int(text.dropLast()).map { $0...32767 } }
    let bounds = text.split(separator: "-").compactMap { Int($0) }
    return bounds.first.map { $0...(bounds.last ?? $0) }
  }
}
