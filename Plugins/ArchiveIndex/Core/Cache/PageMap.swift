/// Which pages of an object are on local disk. Pure. Bytes and pages are numbered from 0.
struct PageMap {
  private let objectByteCount: Int
  private var words: [UInt64]
  let pageCount: Int
  private(set) var presentCount = 0

  init(objectByteCount: Int) {
    self.objectByteCount = objectByteCount
    pageCount = (objectByteCount + Limits.pageByteCount - 1) / Limits.pageByteCount
    words = [UInt64](repeating: 0, count: (pageCount + 63) / 64)
  }

  /// The pages that hold the bytes.
  static func pages(_ bytes: Range<Int>) -> Range<Int> {
    bytes.lowerBound / Limits.pageByteCount..<(bytes.upperBound + Limits.pageByteCount - 1) / Limits.pageByteCount
  }

  /// The bytes of the pages.
  func bytes(_ pages: Range<Int>) -> Range<Int> {
    pages.lowerBound * Limits.pageByteCount..<min(pages.upperBound * Limits.pageByteCount, objectByteCount)
  }

  func contains(_ page: Int) -> Bool { words[page >> 6] & (1 << UInt64(page & 63)) != 0 }

  mutating func insert(_ pages: Range<Int>) {
    for page in pages where !contains(page) {
      words[page >> 6] |= 1 << UInt64(page & 63)
      presentCount += 1
    }
  }

  mutating func remove(_ pages: Range<Int>) {
    for page in pages where contains(page) {
      words[page >> 6] &= ~(1 << UInt64(page & 63))
      presentCount -= 1
    }
  }

  /// The pages that hold `ranges` and are missing, ascending, neighbours joined.
  func missing(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      for page in Self.pages(range) where !contains(page) {
        if let last = result.last, last.upperBound >= page {
          if last.upperBound == page { result[result.count - 1] = last.lowerBound..<page + 1 }
        } else {
          result.append(page..<page + 1)
        }
      }
    }
    return result
  }

  /// Joins ranges of pages whose distance is less than a request is worth.
  static func merged(_ pages: [Range<Int>]) -> [Range<Int>] {
    let gap = Limits.mergeGap / Limits.pageByteCount
    var result: [Range<Int>] = []
    for range in pages {
      if let last = result.last, range.lowerBound - last.upperBound < gap {
        result[result.count - 1] = last.lowerBound..<range.upperBound
      } else {
        result.append(range)
      }
    }
    return result
  }
}
