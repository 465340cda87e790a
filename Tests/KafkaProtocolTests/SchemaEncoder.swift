/// Encodes value trees straight from the schema. It shares nothing with the code under test.
struct SchemaEncoder {
  enum LengthKind { case classic16, classic32, varint }

  /// A place in the bytes that holds a length or a count.
  struct Mark {
    var kind: LengthKind
    var range: Range<Int>
    /// Whether null may stand here in this version; nil where there is no null at all, in tagged sections.
    var isNullable: Bool?
  }

  var version: Int
  var isFlexible: Bool
  /// Whether every tagged section gets two tags that no schema knows.
  var addsUnknownTags = false
  private(set) var bytes: [UInt8] = []
  private(set) var marks: [Mark] = []
  /// The contents of the records fields that are not null, in order.
  private(set) var records: [[UInt8]] = []

  init(version: Int, isFlexible: Bool, addsUnknownTags: Bool = false) {
    self.version = version
    self.isFlexible = isFlexible
    self.addsUnknownTags = addsUnknownTags
  }

  mutating func encode(_ value: SchemaValue, _ fields: [Schema.Field]) {
    guard case .structure(let members) = value else { preconditionFailure("not a struct") }
    var tagged: [(tag: Int, field: Schema.Field, value: SchemaValue)] = []
    for field in fields where field.versions.contains(version) {
      let value = members.first { $0.name == field.property }!.value
      if field.isTagged(version), let tag = field.tag {
        if !isDefault(value, field) { tagged.append((tag, field, value)) }
      } else {
        encode(value, field)
      }
    }
    guard isFlexible else { return }
    let unknown: [(tag: Int, content: [UInt8])] =
      addsUnknownTags ? [(5000, [1, 2, 3]), (200_000, [UInt8](repeating: 9, count: 300))] : []
    mark(.varint) { $0.varint(tagged.count + unknown.count) }
    for (tag, field, value) in tagged.sorted(by: { $0.tag < $1.tag }) {
      var content = SchemaEncoder(
        version: version, isFlexible: isFlexible, addsUnknownTags: addsUnknownTags)
      content.encode(value, field)
      varint(tag)
      mark(.varint) { $0.varint(content.bytes.count) }
      for mark in content.marks {
        let range = mark.range
        let offset = bytes.count
        marks.append(
          Mark(
            kind: mark.kind, range: range.lowerBound + offset..<range.upperBound + offset, isNullable: mark.isNullable))
      }
      bytes += content.bytes
    }
    for (tag, content) in unknown {
      varint(tag)
      mark(.varint) { $0.varint(content.count) }
      bytes += content
    }
  }

  private func isDefault(_ value: SchemaValue, _ field: Schema.Field) -> Bool {
    guard case .structure(let members) = value else {
      return value == SchemaFiller.defaultValue(field, versions: version...version)
    }
    // Only the members that this version has can differ.
    return field.fields.filter { $0.versions.contains(version) }.allSatisfy { inner in
      isDefault(members.first { $0.name == inner.property }!.value, inner)
    }
  }

  private mutating func encode(_ value: SchemaValue, _ field: Schema.Field) {
    guard field.isArray else { return encodeElement(value, field) }
    guard case .array(let elements) = value else {
      precondition(value == .null)
      return length(nil, .classic32, true)
    }
    length(elements.count, .classic32, field.isNullable(version))
    for element in elements { encodeElement(element, field) }
  }

  private mutating func encodeElement(_ value: SchemaValue, _ field: Schema.Field) {
    // A nullable array may be null, its elements may not.
    let isNullable = !field.isArray && field.isNullable(version)
    switch (field.elementType, value) {
    case ("bool", .bool(let flag)): bytes.append(flag ? 1 : 0)
    case ("int8", .integer(let number)): bigEndian(number, byteCount: 1)
    case ("int16", .integer(let number)), ("uint16", .integer(let number)):
      bigEndian(number, byteCount: 2)
    case ("int32", .integer(let number)), ("uint32", .integer(let number)):
      bigEndian(number, byteCount: 4)
    case ("int64", .integer(let number)): bigEndian(number, byteCount: 8)
    case ("float64", .float(let bits)): bigEndian(Int64(bitPattern: bits), byteCount: 8)
    case ("uuid", .uuid(let content)): bytes += content
    case ("string", .string(let text)):
      length(text.utf8.count, .classic16, isNullable)
      bytes += text.utf8
    case ("string", .null): length(nil, .classic16, true)
    case ("bytes", .bytes(let content)):
      length(content.count, .classic32, isNullable)
      bytes += content
    case ("records", .records(let content)):
      length(content.count, .classic32, isNullable)
      bytes += content
      records.append(content)
    case ("bytes", .null), ("records", .null): length(nil, .classic32, true)
    case (_, .structure):
      // A struct that could be null says first that it is not.
      if isNullable { bytes.append(1) }
      encode(value, field.fields)
    case (_, .null) where field.isStruct: bytes.append(0xFF)
    default: preconditionFailure("\(field.name): \(field.elementType) cannot hold \(value)")
    }
  }

  private mutating func length(_ count: Int?, _ classic: LengthKind, _ isNullable: Bool) {
    if isFlexible {
      mark(.varint, isNullable) { $0.varint((count ?? -1) + 1) }
    } else {
      mark(classic, isNullable) { $0.bigEndian(Int64(count ?? -1), byteCount: classic == .classic16 ? 2 : 4) }
    }
  }

  private mutating func mark(_ kind: LengthKind, _ isNullable: Bool? = nil, _ write: (inout SchemaEncoder) -> Void) {
    let start = bytes.count
    write(&self)
    marks.append(Mark(kind: kind, range: start..<bytes.count, isNullable: isNullable))
  }

  private mutating func bigEndian(_ number: Int64, byteCount: Int) {
    for index in (0..<byteCount).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: number >> (8 * Int64(index))))
    }
  }

  private mutating func varint(_ number: Int) { bytes += Self.varint(number) }

  static func varint(_ number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = number
    while rest > 127 {
      bytes.append(UInt8(rest % 128 + 128))
      rest /= 128
    }
    return bytes + [UInt8(rest)]
  }
}
