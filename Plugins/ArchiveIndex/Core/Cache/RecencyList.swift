/// Values by key in the order of their last use. All operations take constant time.
struct RecencyList<Key: Hashable, Value> {
  private struct Node {
    var key: Key
    var value: Value?
    var newer = -1
    var older = -1
  }

  private var nodes: [Node] = []
  private var free: [Int] = []
  private var places: [Key: Int] = [:]
  private var newest = -1
  private var oldest = -1

  var count: Int { places.count }
  var isEmpty: Bool { places.isEmpty }
  var values: [Value] { places.values.map { nodes[$0].value! } }

  /// The value, which becomes the most recently used one.
  mutating func use(_ key: Key) -> Value? {
    guard let place = places[key] else { return nil }
    unlink(place)
    linkNewest(place)
    return nodes[place].value
  }

  /// Adds or replaces a value as the most recently used one and returns what was replaced.
  @discardableResult
  mutating func insert(_ value: Value, for key: Key) -> Value? {
    if let place = places[key] {
      defer { nodes[place].value = value }
      unlink(place)
      linkNewest(place)
      return nodes[place].value
    }
    let place: Int
    if let reused = free.popLast() {
      nodes[reused] = Node(key: key, value: value)
      place = reused
    } else {
      place = nodes.count
      nodes.append(Node(key: key, value: value))
    }
    places[key] = place
    linkNewest(place)
    return nil
  }

  @discardableResult
  mutating func remove(_ key: Key) -> Value? {
    guard let place = places.removeValue(forKey: key) else { return nil }
    unlink(place)
    free.append(place)
    defer { nodes[place].value = nil }
    return nodes[place].value
  }

  /// Removes the least recently used value that satisfies `predicate`; nil when none does.
  mutating func removeOldest(where predicate: (Value) -> Bool = { _ in true }) -> (key: Key, value: Value)? {
    var place = oldest
    while place >= 0 {
      if predicate(nodes[place].value!) {
        let key = nodes[place].key
        return (key, remove(key)!)
      }
      place = nodes[place].newer
    }
    return nil
  }

  private mutating func unlink(_ place: Int) {
    let (newer, older) = (nodes[place].newer, nodes[place].older)
    if newer >= 0 { nodes[newer].older = older } else { newest = older }
    if older >= 0 { nodes[older].newer = newer } else { oldest = newer }
    nodes[place].newer = -1
    nodes[place].older = -1
  }

  private mutating func linkNewest(_ place: Int) {
    nodes[place].older = newest
    nodes[place].newer = -1
    if newest >= 0 { nodes[newest].newer = place } else { oldest = place }
    newest = place
  }
}
