/// Numbers of the tagged fields of one struct, all below 64.
public struct TagSet: Sendable, Equatable, ExpressibleByArrayLiteral {
  private var bits: UInt64 = 0

  public init() {}

  public init(arrayLiteral tags: UInt32...) {
    for tag in tags { insert(tag) }
  }

  public mutating func insert(_ tag: UInt32) {
    precondition(tag < 64, "a tag beyond the range of the set")
    bits |= 1 << UInt64(tag)
  }

  /// Inserts `tag` if `condition` holds.
  public mutating func insert(_ tag: UInt32, if condition: Bool) {
    if condition { insert(tag) }
  }

  public var count: Int { bits.nonzeroBitCount }

  /// The numbers in the order in which the wire has them.
  var ascending: some Sequence<UInt32> {
    sequence(state: bits) { rest -> UInt32? in
      guard rest != 0 else { return nil }
      let tag = UInt32(rest.trailingZeroBitCount)
      rest &= rest - 1
      return tag
    }
  }
}
