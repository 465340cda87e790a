import Synchronization
import TierAPI
import TierKit

/// The store `file`: objects are files below one directory, a key's parts are the parts of its path.
///
///     <root>/#incoming/<16 hex digits>   an object that is being written; '#' is in no key
///     <root>/<key>                       an object, complete and durable from its first moment
///
/// A put writes and syncs its bytes under #incoming, reads them back, makes the directories of the key, gives the file
/// its name (link for "if absent", rename to replace) and syncs every directory whose names changed. A crash leaves
/// nothing but a file in #incoming, which the next start removes. Removals prune directories that became empty; a put
/// that loses its directory to one makes it again.
///
/// Names that are no legal keys, symbolic links and special files below the root are ignored and never touched.
public final class FileStore: ObjectStore {
  public static let description = StoreDescription(
    id: "chronik.store.file", name: "file", version: "1.0.0", summary: "Keeps objects as files in a local directory.",
    keys: FileStoreConfiguration.keys)

  let fileSystem: any StoreFileSystem
  let host: HostServices
  let root: String
  let gate = CallGate()
  let metrics: StoreMetrics
  /// Directories whose own name, and whose ancestors' names, are known to survive power loss.
  let durableDirectories = Mutex<Set<String>>([])

  public convenience init(host: HostServices, options: StoreOptions) throws(TierError) {
    try self.init(host: host, options: options, fileSystem: PosixStoreFileSystem())
  }

  package init(host: HostServices, options: StoreOptions, fileSystem: any StoreFileSystem) throws(TierError) {
    root = try FileStoreConfiguration(options).root
    self.host = host
    self.fileSystem = fileSystem
    metrics = StoreMetrics(host: host)
  }

  var incoming: String { root + "/#incoming" }

  public func start(_ call: StoreCall) throws(TierError) {
    try gate.enter { () throws(TierError) in
      try makeRoot()
      try removeLeftovers()
      // Shows now, and not with the first segment, that files can be made here.
      let file = try IncomingFile(self)
      file.discard()
    }
  }

  public func stop() { gate.close() }

  public func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo? {
    try metrics.measure(.head) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        try ObjectKey.check(key)
        guard let status = try objectStatus(key) else { return nil }
        return ObjectInfo(key: key, status)
      }
    }
  }

  /// Nil when there is no object of this key.
  func objectStatus(_ key: String) throws(TierError) -> FileStatus? {
    guard try ancestorsAreDirectories(key) else { return nil }
    let path = "\(root)/\(key)"
    do throws(Errno) {
      let status = try fileSystem.status(path)
      return status.kind == .file ? status : nil
    } catch where error == .notFound || error == .notDirectory {
      return nil
    } catch {
      throw TierError(error, "cannot look at", path)
    }
  }

  /// Whether the directories of a key exist and are no symbolic links.
  func ancestorsAreDirectories(_ key: String) throws(TierError) -> Bool {
    for directory in directories(of: key) {
      do throws(Errno) {
        if try fileSystem.status(directory).kind != .directory { return false }
      } catch where error == .notFound || error == .notDirectory {
        return false
      } catch {
        throw TierError(error, "cannot look at", directory)
      }
    }
    return true
  }

  /// The directories of a key below the root, outermost first; none for a key of one part.
  func directories(of key: String) -> [String] {
    var path = root
    return key.split(separator: "/").dropLast().map { part in
      path += "/" + part
      return path
    }
  }

  private func makeRoot() throws(TierError) {
    // Ancestors too: the default lies below a directory that nobody made yet.
    var path = ""
    for part in (root + "/#incoming").split(separator: "/") {
      let parent = path.isEmpty ? "/" : path
      path += "/" + part
      do throws(Errno) {
        try fileSystem.makeDirectory(path)
        try fileSystem.syncDirectory(parent)
      } catch where error == .exists {
        continue
      } catch {
        // Somebody else's directories above may not be writable, and need not be.
        guard isDirectory(path) else { throw TierError(error, "cannot make the directory", path) }
      }
    }
    // One of a crash may have been made and not synced.
    try naming("cannot sync", root) { () throws(Errno) in try fileSystem.syncDirectory(root) }
  }
}

extension FileStore {
  private func isDirectory(_ path: String) -> Bool {
    do throws(Errno) { return try fileSystem.status(path).kind == .directory } catch { return false }
  }
}

extension ObjectInfo {
  init(key: String, _ status: FileStatus) {
    // An object is never changed in place: a replaced one is another file.
    self.init(
      key: key, byteCount: Int(status.byteCount), modified: status.modified,
      etag: Array("\(status.inode)-\(status.modified)-\(status.byteCount)".utf8.prefix(64)))
  }
}
