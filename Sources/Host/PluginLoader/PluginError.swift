/// Why a library cannot be used as a plugin. Each description names the file and what to do.
public enum PluginError: Error, Sendable, Equatable, CustomStringConvertible {
  case notFound(library: String, searched: [String])
  case notLoadable(path: String, reason: String)
  case noEntry(path: String)
  case notAPlugin(path: String)
  case abiMismatch(path: String, builtFor: String, hostSpeaks: String)
  case malformed(path: String, reason: String)
  case noSuchProduct(path: String, wanted: String, offered: [String])
  case noSuchStore(path: String, wanted: String, offered: [String])
  case noSuchStrategy(path: String, wanted: String, offered: [String])
  case checksumMismatch(path: String, expected: String, actual: String)
  case unreadable(path: String, reason: String)

  public var description: String {
    switch self {
    case .notFound(let library, let searched):
      "\(library): not found on plugins.path (searched: \(searched.joined(separator: ", "))); "
        + "add its directory to plugins.path or name the file with `library:`"
    case .notLoadable(let path, let reason): "\(path): the dynamic linker refuses it: \(reason)"
    case .noEntry(let path):
      "\(path): exports no chronik_plugin_entry; it is a shared library but not a Chronik plugin"
    case .notAPlugin(let path):
      "\(path): chronik_plugin_entry did not answer with a Chronik entry (wrong magic)"
    case .abiMismatch(let path, let builtFor, let hostSpeaks):
      "\(path): built for ABI \(builtFor), this host speaks \(hostSpeaks); rebuild the plugin or use a matching host"
    case .malformed(let path, let reason): "\(path): \(reason)"
    case .noSuchProduct(let path, let wanted, let offered):
      offered.isEmpty
        ? "\(path): is a plugin, but offers no tier"
        : "\(path): offers no tier named \(wanted); it offers: \(offered.joined(separator: ", "))"
    case .noSuchStore(let path, let wanted, let offered):
      "\(path): offers no object store named \(wanted); it offers: "
        + (offered.isEmpty ? "none" : offered.joined(separator: ", "))
    case .noSuchStrategy(let path, let wanted, let offered):
      "\(path): offers no compaction strategy named \(wanted); it offers: "
        + (offered.isEmpty ? "none" : offered.joined(separator: ", "))
    case .checksumMismatch(let path, let expected, let actual):
      "\(path): sha256 is \(actual) but plugins.sha256 pins \(expected); put the pinned library back, or correct the "
        + "pin if the new one is wanted"
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    }
  }
}

/// A failure that a plugin reported: the closed set of `status.h` and the plugin's sentence.
public struct TierFailure: Error, Sendable, CustomStringConvertible {
  public enum Code: Int32, Sendable, CaseIterable {
    case retriable = 3
    case throttled = 4
    case notFound = 5
    case corrupt = 6
    case fenced = 7
    case noSpace = 8
    case cancelled = 9
    case invalidConfiguration = 10
    case permanent = 11
  }

  public var code: Code
  /// The instance and the function that failed, e.g. "LocalSegments.append".
  public var origin: String
  public var message: String

  public init(_ code: Code, origin: String, message: String) {
    self.code = code
    self.origin = origin
    self.message = message
  }

  public var description: String { "\(origin): \(message.isEmpty ? String(describing: code) : message)" }
}
