/// Arrays and nested structs.
///
/// The count is compared with the bytes left before memory is reserved, and the first reservation is bounded: beyond it
/// an array grows with the elements that were really read, so a lying count costs the sender as many bytes as elements.
extension FieldCoder {
  public mutating func array<Element: WireStruct>(_ value: inout [Element]) throws(WireError) {
    if isReading {
      value = try loadArrayOrThrow(minimalByteCount: 1, Element()) {
        (element, field) throws(WireError) in try element.transcode(&field)
      }
    } else {
      try storeStructs(value)
    }
  }

  /// `nullable`: whether this version knows null here; if not, null is an error in both directions.
  public mutating func nullableArray<Element: WireStruct>(
    _ value: inout [Element]?, nullable: Bool = true
  ) throws(WireError) {
    let start = position
    if isReading {
      value = try loadArray(minimalByteCount: 1, Element()) {
        (element, field) throws(WireError) in try element.transcode(&field)
      }
      if value == nil && !nullable { throw failure(.nullNotAllowed, at: start) }
    } else if let value {
      try storeStructs(value)
    } else {
      guard nullable else { throw failure(.nullNotAllowed, at: start) }
      try storeLength(-1)
    }
  }

  public mutating func array(_ value: inout [String]) throws(WireError) {
    if isReading {
      value = try loadArrayOrThrow(minimalByteCount: isFlexible ? 1 : 2, String()) {
        (element, field) throws(WireError) in try field.string(&element)
      }
    } else {
      try storeStrings(value)
    }
  }

  public mutating func nullableArray(_ value: inout [String]?) throws(WireError) {
    if isReading {
      value = try loadArray(minimalByteCount: isFlexible ? 1 : 2, String()) {
        (element, field) throws(WireError) in try field.string(&element)
      }
    } else if let value {
      try storeStrings(value)
    } else {
      try storeLength(-1)
    }
  }

  public mutating func array(_ value: inout [Int16]) throws(WireError) {
    if isReading { value = try loadIntegersOrThrow() } else { try storeIntegers(value) }
  }

  public mutating func array(_ value: inout [Int32]) throws(WireError) {
    if isReading { value = try loadIntegersOrThrow() } else { try storeIntegers(value) }
  }

  public mutating func array(_ value: inout [Int64]) throws(WireError) {
    if isReading { value = try loadIntegersOrThrow() } else { try storeIntegers(value) }
  }

  public mutating func nullableArray(_ value: inout [Int32]?) throws(WireError) {
    if isReading {
      value = try loadIntegers()
    } else if let value {
      try storeIntegers(value)
    } else {
      try storeLength(-1)
    }
  }

  public mutating func array(_ value: inout [KafkaUUID]) throws(WireError) {
    if isReading {
      value = try loadArrayOrThrow(minimalByteCount: 16, .zero) {
        (element, field) throws(WireError) in try field.uuid(&element)
      }
    } else {
      try storeLength(value.count)
      for var element in value { try uuid(&element) }
    }
  }

  /// A struct that may be absent: one signed byte, negative for null, then the fields.
  public mutating func nullableStruct<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
    if isReading {
      if try load(Int8.self) < 0 {
        value = nil
      } else {
        var present = Value()
        try present.transcode(&self)
        value = present
      }
    } else if var present = value {
      store(1 as Int8)
      try present.transcode(&self)
    } else {
      store(-1 as Int8)
    }
  }
}

extension FieldCoder {
  /// Bytes of memory an array may reserve on the word of its count alone.
  private static var firstReservation: Int { 65536 }

  /// Reads a count and checks it against the bytes left; nil is null.
  private mutating func loadCount(minimalByteCount: Int) throws(WireError) -> Int? {
    let start = position
    let count = try loadLength()
    if count < 0 { return nil }
    // A count fits 32 bits, so the product cannot overflow.
    guard count &* minimalByteCount <= remaining else { throw failure(.countExceedsRemaining, at: start) }
    return count
  }

  @inline(__always)
  private mutating func loadArray<Element>(
    minimalByteCount: Int, _ make: @autoclosure () -> Element,
    _ transcode: (inout Element, inout FieldCoder) throws(WireError) -> Void
  ) throws(WireError) -> [Element]? {
    let start = position
    guard let count = try loadCount(minimalByteCount: minimalByteCount) else { return nil }
    guard count <= elementsLeft else { throw failure(.tooManyElements, at: start) }
    elementsLeft &-= count
    var elements: [Element] = []
    elements.reserveCapacity(min(count, Self.firstReservation / MemoryLayout<Element>.stride))
    for _ in 0..<count {
      var element = make()
      try transcode(&element, &self)
      elements.append(element)
    }
    return elements
  }

  @inline(__always)
  private mutating func loadArrayOrThrow<Element>(
    minimalByteCount: Int, _ make: @autoclosure () -> Element,
    _ transcode: (inout Element, inout FieldCoder) throws(WireError) -> Void
  ) throws(WireError) -> [Element] {
    let start = position
    guard let elements = try loadArray(minimalByteCount: minimalByteCount, make(), transcode) else {
      throw failure(.nullNotAllowed, at: start)
    }
    return elements
  }

  private mutating func loadIntegers<Value: FixedWidthInteger & BitwiseCopyable>() throws(WireError) -> [Value]? {
    let size = MemoryLayout<Value>.size
    guard let count = try loadCount(minimalByteCount: size) else { return nil }
    let source = base + (try take(count * size))
    return [Value](unsafeUninitializedCapacity: count) { target, initialized in
      for index in 0..<count {
        target[index] = Value(
          bigEndian: source.loadUnaligned(fromByteOffset: index &* size, as: Value.self))
      }
      initialized = count
    }
  }

  private mutating func loadIntegersOrThrow<Value: FixedWidthInteger & BitwiseCopyable>() throws(WireError) -> [Value] {
    let start = position
    guard let values: [Value] = try loadIntegers() else { throw failure(.nullNotAllowed, at: start) }
    return values
  }

  private mutating func storeIntegers<Value: FixedWidthInteger & BitwiseCopyable>(
    _ values: [Value]
  ) throws(WireError) {
    try storeLength(values.count)
    reserve(values.count * MemoryLayout<Value>.size)
    for value in values { store(value) }
  }

  private mutating func storeStrings(_ values: [String]) throws(WireError) {
    try storeLength(values.count)
    for var value in values { try string(&value) }
  }

  private mutating func storeStructs<Element: WireStruct>(_ values: [Element]) throws(WireError) {
    try storeLength(values.count)
    // In place, because a copy of each element retains all it holds: measured twice as slow. The elements are not
    // changed; that is the contract of `transcode` when writing.
    try values.withUnsafeBufferPointer { (elements) throws(WireError) in
      guard let first = UnsafeMutablePointer(mutating: elements.baseAddress) else { return }
      for index in elements.indices { try first[index].transcode(&self) }
    }
  }
}
