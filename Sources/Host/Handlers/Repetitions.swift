extension Sequence {
  /// The elements whose key no earlier one has, in their order.
  ///
  /// A request of a few megabytes can name the same thing a quarter of a million times. Where the answer about it may be
  /// long (a topic's partitions, a group's members) it is given once, or no memory would be enough.
  func withoutRepetitions<Key: Hashable>(of key: (Element) -> Key) -> [Element] {
    var seen: Set<Key> = []
    return filter { seen.insert(key($0)).inserted }
  }

  /// The keys that more than one element has.
  func repeatedKeys<Key: Hashable>(_ key: (Element) -> Key) -> Set<Key> {
    var seen: Set<Key> = []
    var repeated: Set<Key> = []
    for element in self where !seen.insert(key(element)).inserted { repeated.insert(key(element)) }
    return repeated
  }
}
