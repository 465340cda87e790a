/// The names of a segment's files: twenty decimal digits of its base offset, then what the file is.
///
///     00000000000000368769.log        record batches, one after the other
///     00000000000000368769.index      where offsets are in the log
///     00000000000000368769.timeindex  which offset a time belongs to
public enum SegmentFileName {
  public enum Kind: String, Sendable, CaseIterable {
    case log
    case index
    case timeIndex = "timeindex"
  }

  /// `baseOffset` must not be negative.
  public static func format(_ baseOffset: Int64, _ kind: Kind) -> String {
    precondition(baseOffset >= 0)
    let digits = String(baseOffset)
    return String(repeating: "0", count: 20 - digits.count) + digits + "." + kind.rawValue
  }

  /// The parts of a name, nil when it is not exactly of this form.
  public static func parse(_ name: String) -> (baseOffset: Int64, kind: Kind)? {
    let utf8 = name.utf8
    guard utf8.count > 21, utf8.prefix(20).allSatisfy({ (0x30...0x39).contains($0) }),
      utf8[utf8.index(utf8.startIndex, offsetBy: 20)] == UInt8(ascii: "."),
      let baseOffset = Int64(name.prefix(20)), let kind = Kind(rawValue: String(name.dropFirst(21)))
    else { return nil }
    return (baseOffset, kind)
  }
}

/// The names of partition directories.
public enum PartitionDirectoryName {
  /// The end of a directory's name while its files are being deleted.
  public static let deletedSuffix = "-delete"
  /// The end of the name of a directory set aside because a topic of the same name with another id took its place.
  public static let straySuffix = "-stray"
  /// The longest name a directory can have, in bytes.
  static let byteCountMax = 255

  public static func format(topic: String, partition: Int32) -> String { "\(topic)-\(partition)" }

  /// `<topic>-<partition>.<token><suffix>`; a long topic name is cut so that the file system accepts the whole.
  public static func aside(topic: String, partition: Int32, token: String, suffix: String) -> String {
    let end = "-\(partition).\(token)\(suffix)"
    return String(topic.prefix(byteCountMax - end.utf8.count)) + end
  }

  /// Topic and partition of a directory in use, nil for any other name.
  public static func parse(_ name: String) -> (topic: String, partition: Int32)? {
    guard !name.hasSuffix(deletedSuffix), !name.hasSuffix(straySuffix) else { return nil }
    return split(name)
  }

  /// Topic (perhaps cut) and partition of a directory that was set aside with `suffix`.
  public static func parseAside(_ name: String, suffix: String) -> (topic: String, partition: Int32)? {
    guard name.hasSuffix(suffix) else { return nil }
    let front = name.dropLast(suffix.count)
    guard let dot = front.lastIndex(of: "."), dot > front.startIndex else { return nil }
    return split(String(front[..<dot]))
  }

  private static func split(_ name: String) -> (topic: String, partition: Int32)? {
    guard let dash = name.lastIndex(of: "-"), dash > name.startIndex else { return nil }
    let digits = name[name.index(after: dash)...]
    guard let partition = Int32(digits), partition >= 0, String(partition) == digits else { return nil }
    let topic = name[..<dash]
    let isLegal = topic.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2E
        || $0 == 0x2D || $0 == 0x5F
    }
    return isLegal ? (String(topic), partition) : nil
  }
}
