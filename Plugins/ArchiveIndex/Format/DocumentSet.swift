/// Set operations on ascending documents.
enum DocumentSet {
  /// Documents in all lists; walks the shortest and gallops through the others.
  static func intersection(_ lists: [[UInt32]]) -> [UInt32] {
    let lists = lists.sorted { $0.count < $1.count }
    guard let shortest = lists.first else { return [] }
    var result: [UInt32] = []
    var positions = [Int](repeating: 0, count: lists.count)
    next: for document in shortest {
      for index in 1..<max(1, lists.count) {
        positions[index] = gallop(lists[index], from: positions[index], to: document)
        if positions[index] == lists[index].count { return result }
        if lists[index][positions[index]] != document { continue next }
      }
      result.append(document)
    }
    return result
  }

  static func union(_ lists: [[UInt32]]) -> [UInt32] {
    guard lists.count > 1 else { return lists.first ?? [] }
    var all = lists.flatMap(\.self)
    all.sort()
    var last: UInt32?
    all.removeAll { document in
      defer { last = document }
      return document == last
    }
    return all
  }

  /// Documents of `list` that are not in `excluded`.
  static func subtract(_ excluded: [UInt32], from list: [UInt32]) -> [UInt32] {
    var position = 0
    return list.filter { document in
      position = gallop(excluded, from: position, to: document)
      return position == excluded.count || excluded[position] != document
    }
  }

  /// The first position from `start` on whose document is `document` or above.
  private static func gallop(_ list: [UInt32], from start: Int, to document: UInt32) -> Int {
    var step = 1
    var low = start
    while low + step < list.count, list[low + step] < document {
      low += step
      step *= 2
    }
    var high = min(list.count, low + step + 1)
    while low < high {
      let middle = (low + high) / 2
      if list[middle] < document { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
