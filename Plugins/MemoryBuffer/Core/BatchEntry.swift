/// Where one record batch lies inside its storage unit, and what a search needs to know about it.
struct BatchEntry: Equatable {
  var baseOffset: Int64
  /// Offset after the last record.
  var nextOffset: Int64
  /// Milliseconds since 1970; -1: none.
  var maxTimestamp: Int64
  /// First byte, counted from the start of the unit.
  var position: UInt32
  /// Bytes of the batch.
  var length: UInt32

  var end: Int { Int(position) + Int(length) }
}
