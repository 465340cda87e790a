import Glibc
import TierKit

extension FileStore {
  public func remove(_ keys: [String], _ call: StoreCall) throws(TierError) {
    try metrics.measure(.remove) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        for key in keys { try ObjectKey.check(key) }
        let scope = CallScope(call, gate, host)
        // Innermost directories that lost a name, each with the directories it lies in.
        var changed: [String: [String]] = [:]
        for key in keys {
          try scope.check("removing '\(key)'")
          if try removeObject(key) {
            let directories = directories(of: key)
            changed[directories.last ?? root] = directories
          }
        }
        for (directory, ancestors) in changed {
          do throws(Errno) {
            try fileSystem.syncDirectory(directory)
          } catch where error == .notFound {
            // Another removal pruned it, and synced the one above.
          } catch {
            throw TierError(error, "cannot sync", directory)
          }
          try prune(ancestors)
        }
      }
    }
  }

  /// False when there was no such object.
  private func removeObject(_ key: String) throws(TierError) -> Bool {
    guard try objectStatus(key) != nil else { return false }
    let path = "\(root)/\(key)"
    do throws(Errno) {
      try fileSystem.unlink(path)
      return true
    } catch where error == .notFound {
      return false
    } catch {
      throw TierError(error, "cannot remove", path)
    }
  }

  /// Removes directories that are empty, innermost first. Only rmdir decides whether one is: a put that comes in
  /// between either keeps the directory alive or makes it again.
  private func prune(_ directories: [String]) throws(TierError) {
    for (index, directory) in directories.enumerated().reversed() {
      do throws(Errno) {
        try fileSystem.removeDirectory(directory)
        durableDirectories.withLock { _ = $0.remove(directory) }
      } catch where error.code == ENOTEMPTY || error == .exists || error == .notFound {
        return
      } catch {
        // An empty directory harms nobody.
        host.log(.debug, "an empty directory cannot be removed", [("path", directory), ("error", "\(error)")])
        return
      }
      let above = index == 0 ? root : directories[index - 1]
      do throws(Errno) { try fileSystem.syncDirectory(above) } catch where error == .notFound {} catch {
        throw TierError(error, "cannot sync", above)
      }
    }
  }
}
