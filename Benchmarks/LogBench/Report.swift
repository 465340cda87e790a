import Glibc

/// One run of one side of a comparison.
struct Measurement {
  /// In the unit of its row; more is better.
  var rate: Double
  /// Processor milliseconds for each MiB.
  var processorPerMiB: ProcessorTime

  /// `byteCount` bytes moved in what the meter saw; the rate is `amount` per second.
  init(_ meter: Meter, amount: Double, byteCount: Int) {
    rate = amount / meter.seconds
    processorPerMiB = meter.processor / (Double(byteCount) / Double(1 << 20) / 1e3)
  }
}

/// A workload beside the machine's own limit, measured in turns.
struct Comparison {
  var name: String
  var unit: String
  var own: [Measurement] = []
  var raw: [Measurement] = []

  /// Runs both sides alternately, so that what else goes on hits both.
  static func run(
    _ name: String, _ unit: String, rounds: Int, own: () throws -> Measurement, raw: () throws -> Measurement
  ) throws -> Comparison {
    var comparison = Comparison(name: name, unit: unit)
    for _ in 0..<rounds {
      comparison.raw.append(try raw())
      comparison.own.append(try own())
    }
    return comparison
  }

  var ratios: [Double] { zip(own, raw).map { $0.rate / $1.rate } }
}

/// A named figure that has nothing beside it.
struct Figure {
  var name: String
  var values: [(label: String, value: Double, unit: String)]
}

/// What was measured, as a table for people while it runs, or as JSON at the end.
struct Report {
  let isJSON: Bool
  private var objects: [String] = []
  private var hasHeading = false

  init(isJSON: Bool) { self.isJSON = isJSON }

  mutating func add(_ row: Comparison) {
    let ratios = row.ratios
    let own = processor(row.own)
    let raw = processor(row.raw)
    if isJSON {
      objects.append(
        "{\"name\":\"\(row.name)\",\"unit\":\"\(row.unit)\",\"own\":\(rate(row.own)),\"raw\":\(rate(row.raw)),"
          + "\"ratio\":\(median(ratios)),\"ratio_min\":\(ratios.min() ?? 0),\"ratio_max\":\(ratios.max() ?? 0),"
          + "\"own_user_ms_per_mib\":\(own.user),\"own_system_ms_per_mib\":\(own.system),"
          + "\"raw_user_ms_per_mib\":\(raw.user),\"raw_system_ms_per_mib\":\(raw.system)}")
      return
    }
    if !hasHeading {
      line(["", "unit", "own", "raw", "ratio (range)", "own ms/MiB, user+system", "raw"])
      hasHeading = true
    }
    line([
      row.name, row.unit, digits(rate(row.own)), digits(rate(row.raw)),
      "\(digits(median(ratios))) (\(digits(ratios.min() ?? 0))-\(digits(ratios.max() ?? 0)))",
      "\(digits(own.user))+\(digits(own.system))", "\(digits(raw.user))+\(digits(raw.system))",
    ])
  }

  mutating func add(_ figure: Figure) {
    if isJSON {
      let fields = figure.values.map { "\"\($0.label) \($0.unit)\":\($0.value)" }.joined(separator: ",")
      objects.append("{\"name\":\"\(figure.name)\",\(fields)}")
    } else {
      print(
        "\(figure.name): " + figure.values.map { "\($0.label) \(digits($0.value)) \($0.unit)" }.joined(separator: ", "))
      fflush(nil)
    }
  }

  func end() { if isJSON { print("[" + objects.joined(separator: ",\n") + "]") } }

  private func rate(_ runs: [Measurement]) -> Double { median(runs.map(\.rate)) }

  private func processor(_ runs: [Measurement]) -> ProcessorTime {
    ProcessorTime(
      user: median(runs.map(\.processorPerMiB.user)), system: median(runs.map(\.processorPerMiB.system)))
  }

  private func line(_ cells: [String]) {
    let widths = [34, 10, 8, 8, 20, 24, 12]
    print(zip(cells, widths).map { $0 + String(repeating: " ", count: max(1, $1 - $0.count)) }.joined())
    fflush(nil)
  }
}

/// About three digits.
func digits(_ value: Double) -> String {
  if value >= 100 { return String(Int(value.rounded())) }
  let scale = value >= 1 ? 100.0 : 1_000.0
  return String((value * scale).rounded() / scale)
}
