import Configuration
import Foundation

/// What clients set for the broker while it ran, in a file of its own: one ``ChecksummedLine`` of JSON.
///
/// ```
/// broker.settings:  3f6a0c1d {"broker":{"log.retention.ms":"1000"},"cluster":{}}
/// ```
/// The file is replaced as a whole, durably, before a client is told of success. A damaged file is refused: without it,
/// retention could delete what a setting keeps.
///
/// Not thread-safe and blocking: one thread at a time.
struct BrokerSettingsFile {
  /// Replaces the file at a path, as ``AtomicFile/write(_:to:)`` does; a test puts its own in the place.
  typealias Writer = @Sendable ([UInt8], String) throws(DataDirectory.Failure) -> Void

  let path: String
  private let write: Writer

  /// Far above what every setting of the table in both scopes takes.
  private static let byteCountMax = 1 << 20

  enum Failure: Error, CustomStringConvertible {
    case io(DataDirectory.Failure)
    case damaged(path: String, reason: String)

    /// The file holds what should be saved, but perhaps not after a power failure.
    var isOnlyNotDurable: Bool {
      if case .io(.notDurable) = self { true } else { false }
    }

    var description: String {
      switch self {
      case .io(let failure): failure.description
      case .damaged(let path, let reason):
        "\(path): \(reason); the settings that clients gave this broker are damaged. "
          + "Restore the file from a backup, or "
          + "move it away to go on with the configuration file's values"
      }
    }
  }

  init(
    directory: String,
    write: @escaping Writer = { (bytes, path) throws(DataDirectory.Failure) in try AtomicFile.write(bytes, to: path) }
  ) {
    path = "\(directory)/broker.settings"
    self.write = write
  }

  /// Nothing was set when there is no file.
  func load() throws(Failure) -> DynamicBrokerSettings {
    let bytes: [UInt8]?
    do throws(DataDirectory.Failure) {
      bytes = try AtomicFile.read(path, byteCountMax: Self.byteCountMax)
    } catch {
      throw .io(error)
    }
    guard let bytes else { return DynamicBrokerSettings() }
    guard bytes.last == UInt8(ascii: "\n") else { throw .damaged(path: path, reason: "the line has no end") }
    do {
      let json = try ChecksummedLine.decode(bytes.dropLast())
      return try JSONDecoder().decode(DynamicBrokerSettings.self, from: Data(json))
    } catch {
      throw .damaged(path: path, reason: "\(error)")
    }
  }

  /// What of the file this release can use, and the names that it does not know.
  func loadUsable() throws(Failure) -> (kept: DynamicBrokerSettings, dropped: [String]) {
    switch try load().usable() {
    case .success(let found): return found
    case .failure(let problem): throw .damaged(path: path, reason: problem.sentence)
    }
  }

  /// The file holds `settings`, durably, when this returns. Nothing is changed when it throws anything but
  /// ``Failure/isOnlyNotDurable``.
  func save(_ settings: DynamicBrokerSettings) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json: Data
    do { json = try encoder.encode(settings) } catch { preconditionFailure("settings always encode: \(error)") }
    let line = ChecksummedLine.encode(Array(json))
    precondition(line.count <= Self.byteCountMax, "the table of settings has outgrown its file")
    do throws(DataDirectory.Failure) {
      try write(line, path)
    } catch {
      throw .io(error)
    }
  }
}
