import KafkaProtocol

/// Compares a decoded Swift value with a value tree, property by property.
///
/// Returns what differs, one line each: a property missing or too many, or another value.
func differences(
  _ subject: Any, _ expected: SchemaValue, frame: [UInt8], path: String
) -> [String] {
  let mirror = Mirror(reflecting: subject)
  if mirror.displayStyle == .optional {
    guard let wrapped = mirror.children.first?.value else {
      return expected == .null ? [] : ["\(path): null instead of \(expected)"]
    }
    return differences(wrapped, expected, frame: frame, path: path)
  }
  switch (subject, expected) {
  case (let value as Bool, .bool(let other)): return value == other ? [] : ["\(path): \(value)"]
  case (let value as [UInt8], .bytes(let other)): return value == other ? [] : ["\(path): \(value)"]
  case (let value as String, .string(let other)):
    return value == other ? [] : ["\(path): \(value) instead of \(other)"]
  case (let value as any FixedWidthInteger, .integer(let other)):
    return Int64(truncatingIfNeeded: value) == other ? [] : ["\(path): \(value) instead of \(other)"]
  case (let value as ErrorCode, .integer(let other)):
    return Int64(value.rawValue) == other ? [] : ["\(path): \(value) instead of \(other)"]
  case (let value as Double, .float(let other)):
    return value.bitPattern == other ? [] : ["\(path): \(value)"]
  case (let value as KafkaUUID, .uuid(let other)):
    let bytes = [value.high, value.low].flatMap { word in
      (0..<8).reversed().map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
    }
    return bytes == other ? [] : ["\(path): \(bytes) instead of \(other)"]
  case (RecordsField.null, .null): return []
  case (RecordsField.inFrame(let range), .records(let other)):
    return Array(frame[range]) == other ? [] : ["\(path): range \(range)"]
  case (_, .array(let elements)) where mirror.displayStyle == .collection:
    guard mirror.children.count == elements.count else {
      return ["\(path): \(mirror.children.count) elements instead of \(elements.count)"]
    }
    return zip(mirror.children, elements).enumerated().flatMap { index, pair in
      differences(pair.0.value, pair.1, frame: frame, path: "\(path)[\(index)]")
    }
  case (_, .structure(let members)) where mirror.displayStyle == .struct:
    return memberDifferences(mirror, members, frame: frame, path: path)
  default:
    return ["\(path): \(type(of: subject)) cannot be \(expected)"]
  }
}

private func memberDifferences(
  _ mirror: Mirror, _ members: [SchemaValue.Member], frame: [UInt8], path: String
) -> [String] {
  let properties = Set(mirror.children.compactMap(\.label))
  let names = Set(members.map(\.name))
  var result = properties.subtracting(names).map { "\(path).\($0): not in the schema" }
  for member in members {
    guard let child = mirror.children.first(where: { $0.label == member.name }) else {
      result.append("\(path).\(member.name): no such property")
      continue
    }
    result += differences(
      child.value, member.value, frame: frame, path: "\(path).\(member.name)")
  }
  return result
}
