import Glibc

/// Where the rules put their data: given by the user, or a fresh directory that is removed afterwards.
struct ScratchDirectory {
  let path: String
  private let isOwn: Bool

  init(_ given: String?) {
    if let given {
      path = given
      isOwn = false
      return
    }
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/chronik-check-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } } ?? base
    isOwn = path != base
  }

  func remove() { if isOwn { Self.removeTree(path) } }

  private static func removeTree(_ path: String) {
    if let listing = opendir(path) {
      while let item = readdir(listing) {
        let name = withUnsafeBytes(of: &item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name == "." || name == ".." { continue }
        let child = "\(path)/\(name)"
        if item.pointee.d_type == UInt8(DT_DIR) { removeTree(child) } else { unlink(child) }
      }
      closedir(listing)
    }
    rmdir(path)
  }
}
