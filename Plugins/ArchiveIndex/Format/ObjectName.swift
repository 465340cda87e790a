// An object's name is its entry in the list of what is archived: listing alone rebuilds the metadata, finds the object
// of an offset and decides what retention deletes.
//
//   <root>/<topic>~<topic id>/<partition>/<last:020>-<base:020>-<maxTs:013>-<epoch>-<gen>-<hot>.kar
//
//   topic     one of more than 232 bytes, which with its id would be too long a name for a file system, is cut there:
//             <its first 232 bytes>~/<the rest>~<topic id>/<partition>/…
//   topic id  22 characters, base64url of the 16 bytes without padding (as Kafka prints it)
//   last      the last offset, so that the first name at or above an offset is the object that has it
//   maxTs     of all records, in milliseconds since 1970; 0 for negative ones, more digits if it takes them
//   epoch     the leader epoch that wrote the object; gen its generation of compaction
//   hot       bytes of the part at the end that readers start with

/// The name of an archive object within its store.
public struct ObjectName: Sendable, Hashable {
  public var topic: String
  /// 16 bytes.
  public var topicID: [UInt8]
  public var partition: Int32
  public var baseOffset: Int64
  public var lastOffset: Int64
  public var maxTimestamp: Int64
  public var leaderEpoch: Int32
  public var generation: UInt8
  public var hotByteCount: Int

  public static let suffix = ".kar"

  public init(
    topic: String, topicID: [UInt8], partition: Int32, baseOffset: Int64, lastOffset: Int64, maxTimestamp: Int64,
    leaderEpoch: Int32, generation: UInt8, hotByteCount: Int
  ) {
    precondition(topicID.count == 16 && partition >= 0 && leaderEpoch >= 0 && hotByteCount >= 0)
    precondition(baseOffset >= 0 && lastOffset >= baseOffset)
    self.topic = topic
    self.topicID = topicID
    self.partition = partition
    self.baseOffset = baseOffset
    self.lastOffset = lastOffset
    self.maxTimestamp = max(0, maxTimestamp)
    self.leaderEpoch = leaderEpoch
    self.generation = generation
    self.hotByteCount = hotByteCount
  }

  /// The name of the object with this footer.
  public init(_ footer: Footer, leaderEpoch: Int32) {
    self.init(
      topic: footer.identity.topic, topicID: footer.identity.topicID, partition: footer.identity.partition,
      baseOffset: footer.range.baseOffset, lastOffset: footer.range.nextOffset - 1,
      maxTimestamp: footer.range.maxTimestamp, leaderEpoch: leaderEpoch, generation: footer.compaction?.generation ?? 0,
      hotByteCount: footer.hotByteCount)
  }

  /// Whether the object with this footer has a right to this name. One that has not was copied or renamed in its store.
  public func agrees(with footer: Footer) -> Bool {
    footer.identity.topic == topic && footer.identity.topicID == topicID && footer.identity.partition == partition
      && footer.range.baseOffset == baseOffset && footer.range.nextOffset == lastOffset + 1
      && max(0, footer.range.maxTimestamp) == maxTimestamp && (footer.compaction?.generation ?? 0) == generation
      && (footer.epochs.map(\.leaderEpoch).max() ?? leaderEpoch) == leaderEpoch && footer.hotByteCount == hotByteCount
  }

  public var offsets: Range<Int64> { baseOffset..<lastOffset + 1 }

  /// `<topic>~<topic id>/<partition>/`, in front of which stands the store's root.
  public var directory: String { Self.directory(topic: topic, topicID: topicID, partition: partition) }

  public static func directory(topic: String, topicID: [UInt8], partition: Int32) -> String {
    let rest = "~\(Base64URL.encode(topicID))/\(partition)/"
    if topic.utf8.count <= topicByteCountMax { return topic + rest }
    let cut = topic.utf8.index(topic.startIndex, offsetBy: topicByteCountMax)
    return topic[..<cut] + "~/" + topic[cut...] + rest
  }

  /// With `~` and the id's 22 characters 255 bytes, the longest name of a file.
  private static let topicByteCountMax = 232

  /// Whose directory this is; nil when it is not exactly what `directory(topic:topicID:partition:)` writes.
  public static func place(
    ofDirectory text: some StringProtocol
  ) -> (topic: String, topicID: [UInt8], partition: Int32)? {
    var parts = Substring(text).split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 4, parts[0].hasSuffix("~") { parts[0...1] = [parts[0].dropLast() + parts[1]] }
    guard parts.count == 3, let tilde = parts[0].lastIndex(of: "~"), tilde > parts[0].startIndex,
      let topicID = Base64URL.decode(parts[0][parts[0].index(after: tilde)...]), topicID.count == 16,
      let partition = Int32(parts[1]), partition >= 0
    else { return nil }
    let topic = String(parts[0][..<tilde])
    guard directory(topic: topic, topicID: topicID, partition: partition) == text else { return nil }
    return (topic, topicID, partition)
  }

  /// The name without the root.
  public var path: String {
    directory + Self.padded(lastOffset, 20) + "-" + Self.padded(baseOffset, 20) + "-" + Self.padded(maxTimestamp, 13)
      + "-\(leaderEpoch)-\(generation)-\(hotByteCount)" + Self.suffix
  }

  /// Names behind this one, in the order of a listing, belong to objects whose last offset is `offset` or above: what
  /// `LIST start-after` takes to find the object of an offset.
  public static func listingStart(directory: String, offset: Int64) -> String {
    precondition(offset >= 0)
    return offset == 0 ? directory : directory + padded(offset - 1, 20) + "~"
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Reads a name without the root; nil when it is not exactly what `path` writes.
  public init?(path: String) {
    guard let slash = path.lastIndex(of: "/"), path.hasSuffix(Self.suffix),
      let place = Self.place(ofDirectory: path[...slash])
    else { return nil }
    let name = path[path.index(after: slash)...].dropLast(Self.suffix.count)
    let fields = name.split(separator: "-", omittingEmptySubsequences: false)
    guard fields.count == 6, let last = Int64(fields[0]), let base = Int64(fields[1]), let time = Int64(fields[2]),
      let epoch = Int32(fields[3]), let generation = UInt8(fields[4]), let hot = Int(fields[5]), base >= 0,
      last >= base, last < .max, time >= 0, epoch >= 0, hot >= 0
    else { return nil }
    self.init(
      topic: place.topic, topicID: place.topicID, partition: place.partition, baseOffset: base, lastOffset: last,
      maxTimestamp: time, leaderEpoch: epoch, generation: generation, hotByteCount: hot)
    guard self.path == path else { return nil }
  }
}

/// Base64 with `-` and `_`, no padding.
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var pending = 0
    var bits = 0
    for byte in bytes {
      pending = (pending << 8 | Int(byte)) & 0xFFFF
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[(pending >> bits) & 63])
      }
    }
    if bits > 0 { text.append(alphabet[(pending << (6 - bits)) & 63]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for other characters. Accepts any bits behind the last byte; callers compare with `encode`.
  static func decode(_ text: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    var pending = 0
    var bits = 0
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      pending = (pending << 6 | value) & 0xFFFF
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8((pending >> bits) & 0xFF))
      }
    }
    return bytes
  }
}
