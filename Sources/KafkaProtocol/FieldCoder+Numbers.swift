/// Fields of fixed size.
extension FieldCoder {
  /// One byte; any non-zero byte reads as true.
  public mutating func bool(_ value: inout Bool) throws(WireError) {
    if isReading {
      value = try load(UInt8.self) != 0
    } else {
      store(value ? 1 as UInt8 : 0)
    }
  }

  public mutating func int8(_ value: inout Int8) throws(WireError) {
    if isReading { value = try load(Int8.self) } else { store(value) }
  }

  public mutating func int16(_ value: inout Int16) throws(WireError) {
    if isReading { value = try load(Int16.self) } else { store(value) }
  }

  public mutating func uint16(_ value: inout UInt16) throws(WireError) {
    if isReading { value = try load(UInt16.self) } else { store(value) }
  }

  public mutating func int32(_ value: inout Int32) throws(WireError) {
    if isReading { value = try load(Int32.self) } else { store(value) }
  }

  public mutating func uint32(_ value: inout UInt32) throws(WireError) {
    if isReading { value = try load(UInt32.self) } else { store(value) }
  }

  public mutating func int64(_ value: inout Int64) throws(WireError) {
    if isReading { value = try load(Int64.self) } else { store(value) }
  }

  public mutating func float64(_ value: inout Double) throws(WireError) {
    if isReading {
      value = Double(bitPattern: try load(UInt64.self))
    } else {
      store(value.bitPattern)
    }
  }

  public mutating func uuid(_ value: inout KafkaUUID) throws(WireError) {
    if isReading {
      value.high = try load(UInt64.self)
      value.low = try load(UInt64.self)
    } else {
      store(value.high)
      store(value.low)
    }
  }

  /// An `int16`; codes outside the table are kept as they are.
  public mutating func errorCode(_ value: inout ErrorCode) throws(WireError) {
    if isReading { value = ErrorCode(rawValue: try load(Int16.self)) } else { store(value.rawValue) }
  }
}
