/// Big-endian integers at unaligned addresses: the number format of everything Kafka puts on the wire.
///
/// None of these checks a bound; callers have compared lengths first.
extension UnsafeRawPointer {
  @inlinable
  func loadBigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
    T(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}

extension UnsafeMutableRawPointer {
  @inlinable
  func storeBigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
  }
}
