/// The command line.
struct Options {
  var directory: String
  var isJSON = false
  /// Runs of each side of a comparison.
  var rounds = 5
  /// Workloads with the numbers behind each, in order.
  private var workloads: [(name: String, numbers: [Int])] = []

  static let names = ["append", "group", "read", "spread", "sweep", "open"]
  static let usage = """
    usage: bench-log /absolute/empty/directory [append] [group] [read] [spread [PARTITIONS ...]] [sweep]
                     [open [PARTITIONS [GB]]] [--json] [--rounds N]
    The directory is emptied. Without a workload: append, group, read and spread.
    """

  /// nil when the arguments make no sense.
  init?(_ arguments: ArraySlice<String>) {
    guard let first = arguments.first, first.hasPrefix("/") else { return nil }
    directory = first
    var rest = arguments.dropFirst()
    while let argument = rest.popFirst() {
      if argument == "--json" {
        isJSON = true
      } else if argument == "--rounds" {
        guard let count = rest.popFirst().flatMap({ Int($0) }), count > 0 else { return nil }
        rounds = count
      } else if Self.names.contains(argument) {
        workloads.append((argument, []))
      } else if let number = Int(argument), number > 0, !workloads.isEmpty {
        workloads[workloads.count - 1].numbers.append(number)
      } else {
        return nil
      }
    }
  }

  /// Named, or none was.
  func isChosen(_ name: String) -> Bool { workloads.isEmpty || isNamed(name) }
  func isNamed(_ name: String) -> Bool { workloads.contains { $0.name == name } }

  /// The numbers behind a workload, or `standard` when there are none.
  func numbers(of name: String, _ standard: [Int]) -> [Int] {
    let given = workloads.first { $0.name == name }?.numbers ?? []
    return given.isEmpty ? standard : given
  }
}
