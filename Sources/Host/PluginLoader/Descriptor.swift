import TierAPI

/// A product's descriptor, copied out of the library.
public struct ProductDescriptor: Sendable, Equatable {
  public var id: String
  public var name: String
  public var version: String
  public var summary: String
  /// `CHRONIK_TIER_…` bits.
  public var abilities: UInt64
  public var keys: [Key]

  /// One configuration key.
  public struct Key: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
      case string
      case bool
      case integer(ClosedRange<Int64>)
      /// In bytes.
      case size(ClosedRange<Int64>)
      /// In milliseconds.
      case duration(ClosedRange<Int64>)
      case choice([String])
    }
    public var name: String
    public var kind: Kind
    public var defaultValue: String?
    public var isRequired: Bool
    /// Its value is never printed.
    public var isSecret: Bool
    public var summary: String
  }

  /// Copies and checks; throws the reason as a sentence.
  init(_ raw: UnsafePointer<chronik_descriptor>) throws(Malformed) {
    guard raw.pointee.struct_size >= MemoryLayout<chronik_descriptor>.size else {
      throw Malformed(
        "a descriptor is \(raw.pointee.struct_size) bytes, ABI 1.0 has \(MemoryLayout<chronik_descriptor>.size)")
    }
    id = String(cString: raw.pointee.id)
    name = String(cString: raw.pointee.name)
    version = String(cString: raw.pointee.version)
    summary = String(cString: raw.pointee.summary)
    abilities = raw.pointee.abilities
    keys = []
    guard raw.pointee.config_key_count <= Malformed.keyCountMax else {
      throw Malformed(
        "\(name) declares \(raw.pointee.config_key_count) configuration keys, at most "
          + "\(Malformed.keyCountMax) make sense"
      )
    }
    guard let list = raw.pointee.config_keys else { return }
    for key in UnsafeBufferPointer(start: list, count: Int(raw.pointee.config_key_count)) {
      keys.append(try Key(key, of: name))
    }
  }
}

/// A contradiction in what a library says of itself.
struct Malformed: Error {
  /// More keys than any product needs: a garbage count must not become a long walk through memory.
  static let keyCountMax: UInt32 = 256
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

extension ProductDescriptor.Key {
  init(_ raw: chronik_config_key, of product: String) throws(Malformed) {
    name = String(cString: raw.name)
    summary = String(cString: raw.summary)
    defaultValue = raw.default_value.map { String(cString: $0) }
    isRequired = raw.flags & CHRONIK_CONFIG_REQUIRED != 0
    isSecret = raw.flags & CHRONIK_CONFIG_SECRET != 0
    let unbounded = raw.minimum == 0 && raw.maximum == 0
    guard unbounded || raw.minimum <= raw.maximum else {
      throw Malformed("\(product): key \(name) has minimum \(raw.minimum) above maximum \(raw.maximum)")
    }
    let bounds = unbounded ? 0...Int64.max : raw.minimum...raw.maximum
    switch raw.kind {
    case CHRONIK_CONFIG_STRING: kind = .string
    case CHRONIK_CONFIG_BOOL: kind = .bool
    case CHRONIK_CONFIG_INTEGER: kind = .integer(unbounded ? Int64.min...Int64.max : bounds)
    case CHRONIK_CONFIG_SIZE: kind = .size(bounds)
    case CHRONIK_CONFIG_DURATION: kind = .duration(bounds)
    case CHRONIK_CONFIG_CHOICE:
      var names: [String] = []
      var next = raw.choices
      while let pointer = next, let text = pointer.pointee, names.count < Int(Malformed.keyCountMax) {
        names.append(String(cString: text))
        next = pointer + 1
      }
      kind = .choice(names)
    default: throw Malformed("\(product): key \(name) has the unknown kind \(raw.kind)")
    }
  }
}
