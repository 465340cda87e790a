import Glibc
import TierKit

extension TierError {
  /// What the operating system refused, as the host knows it. `action` is "cannot …".
  init(_ errno: Errno, _ action: String, _ path: String) {
    let (code, advice): (Code, String) =
      switch errno.code {
      case ENOSPC: (.noSpace, "free space on its file system")
      case EDQUOT: (.noSpace, "raise the quota of the user the broker runs as")
      case EMFILE, ENFILE, ENOMEM, EAGAIN, ESTALE, EINTR: (.retriable, "")
      case ENOENT: (.notFound, "")
      case EACCES, EPERM: (.permanent, "the user the broker runs as needs to read and write there")
      case EROFS: (.permanent, "its file system is mounted read-only")
      case EIO: (.permanent, "look at the system's log: the disk may be failing")
      case ENOTDIR, EISDIR, EEXIST:
        (.permanent, "one object's key is the directory of another, or a foreign file is in the way")
      default: (.permanent, "")
      }
    self.init(code, "\(action) \(path): \(errno)" + (advice.isEmpty ? "" : " (\(advice))"))
  }
}

/// Runs `body` and names the action and the file when it fails.
func naming<R>(_ action: String, _ path: String, _ body: () throws(Errno) -> R) throws(TierError) -> R {
  do throws(Errno) {
    return try body()
  } catch {
    throw TierError(error, action, path)
  }
}
