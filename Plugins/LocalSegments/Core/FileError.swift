import TierKit

import Glibc

extension TierError {
  /// What the operating system refused, as the host knows it.
  init(_ errno: Errno, _ action: String, _ path: String) {
    let code: Code =
      switch errno.code {
      case ENOSPC, EDQUOT: .noSpace
      case EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR: .retriable
      case ENOENT: .notFound
      default: .permanent
      }
    self.init(code, "\(action) \(path): \(errno)")
  }
}

/// Runs `body` and names the action and the file when it fails.
func naming<R>(_ action: String, _ path: String, _ body: () throws(Errno) -> R) throws(TierError) -> R {
  do {
    return try body()
  } catch {
    throw TierError(error, action, path)
  }
}
