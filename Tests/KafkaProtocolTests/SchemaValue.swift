/// A value of a schema field, in the vocabulary of the schema and not in that of the code under test.
indirect enum SchemaValue: Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case float(UInt64)
  case uuid([UInt8])
  case string(String)
  case bytes([UInt8])
  case records([UInt8])
  case array([SchemaValue])
  case structure([Member])

  struct Member: Equatable {
    var name: String
    var value: SchemaValue
  }
}

/// How the fields of a message are filled.
enum Filling: Equatable {
  /// A value of its own for every field, no nulls, two elements per array; other seeds, other values.
  case distinct(seed: UInt64)
  /// Every field at the schema's default, arrays empty.
  case defaults
  /// Null wherever the version allows it, defaults elsewhere, two elements per array that is not null.
  case nulls
  /// Nothing null, everything empty: strings, bytes, arrays.
  case empties

  static let all: [Filling] = [
    .distinct(seed: 1), .distinct(seed: 2), .distinct(seed: 3), .defaults, .nulls, .empties,
  ]
}

/// Makes value trees for one version of a message.
struct SchemaFiller {
  var version: Int
  var filling: Filling
  private var counter: UInt64

  init(version: Int, filling: Filling) {
    self.version = version
    self.filling = filling
    counter = if case .distinct(let seed) = filling { seed &* 0x1_0001 } else { 0 }
  }

  /// One member for each field that any of `versions` has, which is what the Swift type has a property for.
  mutating func structure(_ fields: [Schema.Field], versions: ClosedRange<Int>) -> SchemaValue {
    var members: [SchemaValue.Member] = []
    for field in fields where field.versions.overlaps(versions) {
      let value =
        field.versions.contains(version)
        ? self.value(field, versions: versions.clamped(to: field.versions))
        : defaultValue(field, versions: versions.clamped(to: field.versions))
      members.append(.init(name: field.property, value: value))
    }
    return .structure(members)
  }

  private mutating func value(_ field: Schema.Field, versions: ClosedRange<Int>) -> SchemaValue {
    switch filling {
    case .distinct: break
    case .defaults:
      let value = defaultValue(field, versions: versions)
      // A default of null does not hold in versions without null.
      return value == .null && !field.isNullable(version) && field.elementType != "records"
        ? empty(field, versions: versions) : value
    case .nulls:
      if field.isNullable(version) { return .null }
      if !field.isArray { return defaultOrEmpty(field, versions: versions) }
    case .empties: return empty(field, versions: versions)
    }
    guard field.isArray else { return element(field, versions: versions) }
    return .array([element(field, versions: versions), element(field, versions: versions)])
  }

  private mutating func defaultOrEmpty(
    _ field: Schema.Field, versions: ClosedRange<Int>
  ) -> SchemaValue {
    if field.isStruct { return structure(field.fields, versions: versions) }
    let value = defaultValue(field, versions: versions)
    return value == .null ? empty(field, versions: versions) : value
  }

  private mutating func element(_ field: Schema.Field, versions: ClosedRange<Int>) -> SchemaValue {
    if field.isStruct { return structure(field.fields, versions: versions) }
    if case .distinct = filling { return distinct(field) }
    return Self.zero(field.elementType)
  }

  private mutating func empty(_ field: Schema.Field, versions: ClosedRange<Int>) -> SchemaValue {
    if field.isArray { return .array([]) }
    if field.isStruct { return structure(field.fields, versions: versions) }
    return Self.zero(field.elementType)
  }

  private mutating func distinct(_ field: Schema.Field) -> SchemaValue {
    counter += 1
    var bits = counter &* 0x9E37_79B9_7F4A_7C15
    bits ^= bits >> 29
    switch field.elementType {
    case "bool": return .bool(bits & 0x100 != 0)
    case "int8": return .integer(Int64(Int8(truncatingIfNeeded: bits >> 8)))
    case "int16": return .integer(Int64(Int16(truncatingIfNeeded: bits >> 8)))
    case "uint16": return .integer(Int64(UInt16(truncatingIfNeeded: bits >> 8)))
    case "int32": return .integer(Int64(Int32(truncatingIfNeeded: bits >> 8)))
    case "uint32": return .integer(Int64(UInt32(truncatingIfNeeded: bits >> 8)))
    case "int64": return .integer(Int64(truncatingIfNeeded: bits))
    case "float64": return .float(0x3FF0_0000_0000_0000 | bits >> 12)
    case "uuid": return .uuid((0..<16).map { UInt8(truncatingIfNeeded: bits >> (UInt64($0) * 3)) })
    case "string":
      // Now and then beyond 127 bytes, where a compact length takes two; and never ASCII alone.
      let tail = counter % 5 == 0 ? String(repeating: "ä", count: 70) : ""
      return .string("\(field.name) № \(counter)\(tail)")
    case "bytes": return .bytes(Array("\(field.name)#\(counter)".utf8))
    case "records": return .records(Array("batch \(field.name)#\(counter)".utf8))
    default: preconditionFailure("a type that the schema filler does not know: \(field.elementType)")
    }
  }

  /// What a field is when a version lacks it.
  private func defaultValue(_ field: Schema.Field, versions: ClosedRange<Int>) -> SchemaValue {
    Self.defaultValue(field, versions: versions)
  }

  static func defaultValue(_ field: Schema.Field, versions: ClosedRange<Int>) -> SchemaValue {
    if field.defaultText == "null" { return .null }
    if field.isArray { return .array([]) }
    if field.isStruct {
      return .structure(
        field.fields.filter { $0.versions.overlaps(versions) }.map {
          .init(
            name: $0.property,
            value: defaultValue($0, versions: versions.clamped(to: $0.versions)))
        })
    }
    // The Swift type has null there; the schema has no default for records.
    if field.elementType == "records" { return .null }
    guard let text = field.defaultText else { return zero(field.elementType) }
    switch field.elementType {
    case "bool": return .bool(text == "true" || text == "1")
    case "string": return .string(text)
    default:
      return text.hasPrefix("0x")
        ? .integer(Int64(text.dropFirst(2), radix: 16)!) : .integer(Int64(text)!)
    }
  }

  private static func zero(_ type: String) -> SchemaValue {
    switch type {
    case "bool": .bool(false)
    case "float64": .float(0)
    case "uuid": .uuid([UInt8](repeating: 0, count: 16))
    case "string": .string("")
    case "bytes": .bytes([])
    case "records": .records([])
    default: .integer(0)
    }
  }
}
