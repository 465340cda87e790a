import Glibc
import TierKit

extension FileStore {
  public func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    try metrics.measure(.put) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        try ObjectKey.check(key)
        let scope = CallScope(call, gate, host)
        // Not decisive, the link below is; it saves writing what is there already.
        if ifAbsent, try objectStatus(key) != nil {
          try makeDurable(directories(of: key), evenIfKnown: true)
          return false
        }
        let created = try write(key, parts, ifAbsent: ifAbsent, scope)
        if created { metrics.wrote(parts.reduce(0) { $0 + $1.count }) }
        return created
      }
    }
  }

  private func write(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ scope: CallScope
  ) throws(TierError) -> Bool {
    var file = try IncomingFile(self)
    do throws(TierError) {
      for part in parts { try file.write(part, scope) }
      try file.finish(scope)
      let created = try giveName(key, file.path, ifAbsent: ifAbsent, scope)
      file.discard()
      return created
    } catch {
      file.discard()
      throw error
    }
  }

  /// Makes the finished file the object `key`, durably. False when there is one and it was to stay.
  private func giveName(_ key: String, _ source: String, ifAbsent: Bool, _ scope: CallScope) throws(TierError) -> Bool {
    let path = "\(root)/\(key)"
    let directories = directories(of: key)
    for _ in 0..<StoreLimits.directoryAttemptsMax {
      try scope.check("creating the object '\(key)'")
      guard try makeDirectories(directories) else { continue }
      do throws(Errno) {
        if ifAbsent { try fileSystem.link(source, to: path) } else { try fileSystem.rename(source, to: path) }
      } catch where error == .notFound {
        // A removal pruned the directory in between.
        continue
      } catch where error == .exists && ifAbsent {
        guard try objectStatus(key) != nil else { throw TierError(error, "cannot create the object", path) }
        // Whoever was first may not have come to its own sync yet.
        try makeDurable(directories, evenIfKnown: true)
        return false
      } catch where ifAbsent && (error.code == EPERM || error.code == EOPNOTSUPP || error.code == ENOSYS) {
        throw TierError(
          .permanent, "cannot create the object \(path): \(error) (its file system must allow hard links)")
      } catch {
        throw TierError(error, "cannot create the object", path)
      }
      try makeDurable(directories, evenIfKnown: false)
      return true
    }
    throw TierError(.retriable, "the directory of '\(key)' was removed again and again while the object was created")
  }

  /// False when a removal pruned one of them in between.
  private func makeDirectories(_ directories: [String]) throws(TierError) -> Bool {
    for directory in directories {
      do throws(Errno) {
        try fileSystem.makeDirectory(directory)
        durableDirectories.withLock { _ = $0.remove(directory) }
      } catch where error == .exists {
        let kind: FileKind
        do throws(Errno) {
          kind = try fileSystem.status(directory).kind
        } catch where error == .notFound {
          return false
        } catch {
          throw TierError(error, "cannot look at", directory)
        }
        guard kind == .directory else { throw TierError(.notDirectory, "cannot make the directory", directory) }
      } catch where error == .notFound {
        return false
      } catch {
        throw TierError(error, "cannot make the directory", directory)
      }
    }
    return true
  }

  /// Syncs the innermost directory, and the ones above as far as their names may not be durable yet.
  private func makeDurable(_ directories: [String], evenIfKnown: Bool) throws(TierError) {
    let known = evenIfKnown ? [] : durableDirectories.withLock { $0 }
    try sync(directories.last ?? root)
    // The name of a directory is durable when the one above it was synced.
    for index in directories.indices.reversed() where !known.contains(directories[index]) {
      try sync(index == 0 ? root : directories[index - 1])
    }
    durableDirectories.withLock {
      if $0.count > StoreLimits.durableDirectoriesMax { $0 = [] }
      $0.formUnion(directories)
    }
  }

  private func sync(_ directory: String) throws(TierError) {
    do throws(Errno) {
      try fileSystem.syncDirectory(directory)
    } catch where error == .notFound {
      // A removal took the object and its directory already.
    } catch {
      throw TierError(error, "cannot sync", directory)
    }
  }
}
