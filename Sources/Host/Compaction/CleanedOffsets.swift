import PluginLoader

/// How far each partition has been compacted, over restarts: a text file that is replaced as a whole.
///
///     chronik cleaned offsets 1
///     <topic id, 32 hexadecimal digits> <partition> <offset>
///
/// Losing it costs a longer first run and nothing else. One thread; blocks.
struct CleanedOffsets {
  private static let title = "chronik cleaned offsets 1"
  /// A line for each of a million partitions.
  private static let byteCountMax = 80 << 20

  private let path: String
  private var offsets: [String: Int64] = [:]

  /// Loads the file; without one, or with one that cannot be read, nothing is known. `problem` says why.
  init(directory: String, problem: (String) -> Void) {
    path = "\(directory)/cleaned-offsets"
    do throws(DataDirectory.Failure) {
      guard let bytes = try AtomicFile.read(path, byteCountMax: Self.byteCountMax) else { return }
      guard let parsed = Self.parse(String(decoding: bytes, as: UTF8.self)) else {
        problem("\(path) is damaged")
        return
      }
      offsets = parsed
    } catch {
      problem("\(error)")
    }
  }

  /// -1 when the partition was never compacted.
  func offset(_ id: PartitionIdentity) -> Int64 { offsets[Self.key(id)] ?? -1 }

  /// Takes over an offset and writes the file without the partitions that are not among `live`.
  mutating func save(
    _ id: PartitionIdentity, _ offset: Int64, live: [PartitionIdentity]
  ) throws(DataDirectory.Failure) {
    offsets[Self.key(id)] = offset
    let keys = Set(live.map(Self.key))
    offsets = offsets.filter { keys.contains($0.key) }
    let lines = offsets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }
    try AtomicFile.write(Array((Self.title + "\n" + lines.joined()).utf8), to: path)
  }

  static func parse(_ text: String) -> [String: Int64]? {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == title[...], lines.last == "" else { return nil }
    lines = Array(lines.dropFirst().dropLast())
    var offsets: [String: Int64] = [:]
    for line in lines {
      let fields = line.split(separator: " ")
      guard fields.count == 3, fields[0].count == 32, let partition = Int32(fields[1]), partition >= 0,
        let offset = Int64(fields[2]), offset >= 0
      else { return nil }
      offsets["\(fields[0]) \(partition)"] = offset
    }
    return offsets
  }

  private static func key(_ id: PartitionIdentity) -> String {
    func hex(_ half: UInt64) -> String {
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return "\(hex(id.topicID.high))\(hex(id.topicID.low)) \(id.partition)"
  }
}
