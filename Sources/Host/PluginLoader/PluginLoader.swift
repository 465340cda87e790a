import CLibCrypto
import Glibc

/// Finds libraries on `plugins.path`, checks pins, and loads each file once.
///
/// Not thread-safe: it is used while the configuration is checked and the chain is built, on one thread.
public struct PluginLoader {
  /// Directories, searched in order.
  public let searchPath: [String]
  /// Library name to lower-case hex sha256.
  public let pins: [String: String]
  private var loaded: [String: Result<LoadedPlugin, PluginError>] = [:]

  public init(searchPath: [String], pins: [String: String] = [:]) {
    self.searchPath = searchPath
    self.pins = pins
  }

  /// Loads `lib<name>.so` from the search path, or `file` when given.
  public mutating func load(name: String, file: String? = nil) throws(PluginError) -> LoadedPlugin {
    let path: String
    if let file { path = file } else { path = try find(name) }
    if let known = loaded[path] { return try known.get() }
    let result = Result { () throws(PluginError) in try checkedLoad(path, name) }
    loaded[path] = result
    return try result.get()
  }

  /// Every `lib*.so` on the search path that is a plugin, and every one that is not with the reason. Libraries without
  /// the entry symbol are other people's and are left out.
  public mutating func discover() -> [(path: String, result: Result<LoadedPlugin, PluginError>)] {
    var seen: Set<String> = []
    var list: [(String, Result<LoadedPlugin, PluginError>)] = []
    for directory in searchPath {
      for file in Self.libraries(in: directory) where seen.insert(file).inserted {
        let result = Result { () throws(PluginError) in try LoadedPlugin(path: "\(directory)/\(file)") }
        if case .failure(.noEntry) = result { continue }
        list.append(("\(directory)/\(file)", result))
      }
    }
    return list
  }

  /// What `lib<name>.so` files the search path holds, plugins or not; nothing is loaded.
  public var libraryNames: [String] {
    searchPath.flatMap { Self.libraries(in: $0) }.map { String($0.dropFirst(3).dropLast(3)) }
  }

  private func find(_ name: String) throws(PluginError) -> String {
    for directory in searchPath {
      let path = "\(directory)/lib\(name).so"
      if access(path, F_OK) == 0 { return path }
    }
    throw .notFound(library: "lib\(name).so", searched: searchPath)
  }

  private func checkedLoad(_ path: String, _ name: String) throws(PluginError) -> LoadedPlugin {
    if let pin = pins[name] {
      let actual = try Self.sha256(ofFile: path)
      guard actual == pin.lowercased() else { throw .checksumMismatch(path: path, expected: pin, actual: actual) }
    }
    guard access(path, R_OK) == 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
    return try LoadedPlugin(path: path)
  }

  private static func libraries(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix("lib"), name.hasSuffix(".so") { names.append(name) }
    }
    return names.sorted()
  }

  /// Lower-case hex of a file's SHA-256, read in pieces of 64 KiB.
  public static func sha256(ofFile path: String) throws(PluginError) -> String {
    guard let file = fopen(path, "rb") else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    defer { fclose(file) }
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      throw .unreadable(path: path, reason: "libcrypto offers no SHA-256")
    }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { break }
      EVP_DigestUpdate(context, buffer, count)
    }
    guard ferror(file) == 0 else { throw .unreadable(path: path, reason: "read error") }
    var digest = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &digest, nil)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
