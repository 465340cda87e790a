import TierKit

/// The settings of the store `file`.
struct FileStoreConfiguration: Sendable {
  /// Absolute; the directory that holds the objects.
  var root: String

  init(_ options: StoreOptions) throws(TierError) {
    let path = options.settings[Key.path] ?? ""
    root = path.isEmpty ? options.dataDirectory : path
    while root.count > 1, root.hasSuffix("/") { root.removeLast() }
    guard root.hasPrefix("/"), root != "/", !root.utf8.contains(0) else {
      throw TierError(
        .invalidConfiguration, "\(Key.path): '\(root)' is not the absolute path of a directory of its own")
    }
  }

  enum Key { static let path = "path" }

  static let keys = [
    ConfigurationKey(
      Key.path, .string, default: nil,
      "Absolute path of the directory that holds the objects; made if it is missing. Default: "
        + "below the tier's data directory."
    )
  ]
}
