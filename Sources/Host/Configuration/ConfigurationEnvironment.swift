import Glibc

/// What the machine contributes to a configuration. Injected, so that loading is a function of its arguments.
public struct ConfigurationEnvironment: Sendable, Hashable {
  /// Absolute; the value of "$BIN".
  public var binaryDirectory: String
  /// Absolute; where relative paths start when no file is given, and on the command line.
  public var workingDirectory: String
  /// The value of `network.threads: auto`.
  public var processorCount: Int

  public init(binaryDirectory: String, workingDirectory: String, processorCount: Int) {
    self.binaryDirectory = binaryDirectory
    self.workingDirectory = workingDirectory
    self.processorCount = max(1, processorCount)
  }

  /// Asks the running process.
  public static func current() -> ConfigurationEnvironment {
    var link = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &link, link.count)
    let binary = String(decoding: link.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let working = getcwd(&buffer, buffer.count).map { String(cString: $0) } ?? "/"
    return ConfigurationEnvironment(
      binaryDirectory: PathText.directory(of: binary.isEmpty ? working + "/chronik" : binary),
      workingDirectory: working,
      processorCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
}

/// Paths as text. Nothing here asks the file system; ".." stays because a symbolic link may stand before it.
enum PathText {
  /// The absolute form of a path that was accepted by `ValueKind.path`.
  static func resolve(_ path: String, against base: String, binaryDirectory: String) -> String {
    if path == "$BIN" { return clean(binaryDirectory) }
    if path.hasPrefix("$BIN/") { return clean(binaryDirectory + path.dropFirst(4)) }
    return clean(path.hasPrefix("/") ? path : base + "/" + path)
  }

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Without empty and "." components.
  static func clean(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }
    return (path.hasPrefix("/") ? "/" : "")
      + (parts.isEmpty && !path.hasPrefix("/") ? "." : parts.joined(separator: "/"))
  }
}
