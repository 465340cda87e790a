import PluginLoader

/// Turns values as a person writes them into the form that `plugin.h` promises to `create`.
enum SettingText {
  enum Failure: Error, Equatable {
    case unknownKey(String, known: [String])
    case illegal(key: String, value: String, wanted: String)
    case missing(String)
  }

  /// Every key of the descriptor that has a value: `given` first, defaults otherwise.
  static func normalise(_ given: [(String, String)], for descriptor: ProductDescriptor) throws(Failure) -> [(
    String, String
  )] {
    for (key, _) in given where !descriptor.keys.contains(where: { $0.name == key }) {
      throw .unknownKey(key, known: descriptor.keys.map(\.name))
    }
    var result: [(String, String)] = []
    for key in descriptor.keys {
      if let text = given.last(where: { $0.0 == key.name })?.1 ?? key.defaultValue {
        guard let value = normalise(text, key.kind) else {
          throw .illegal(key: key.name, value: text, wanted: wanted(key.kind))
        }
        result.append((key.name, value))
      } else if key.isRequired {
        throw .missing(key.name)
      }
    }
    return result
  }

  /// nil when the text is not a legal value of the kind.
  static func normalise(_ text: String, _ kind: ProductDescriptor.Key.Kind) -> String? {
    switch kind {
    case .string: return text
    case .bool:
      switch text {
      case "true", "yes", "on": return "true"
      case "false", "no", "off": return "false"
      default: return nil
      }
    case .choice(let names): return names.contains(text) ? text : nil
    case .integer(let range): return number(text, [:], range)
    case .size(let range): return number(text, sizes, range)
    case .duration(let range): return number(text, durations, range)
    }
  }

  private static let sizes: [String: Int64] = [
    "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
  ]
  private static let durations: [String: Int64] = [
    "ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000,
  ]

  private static func number(_ text: String, _ units: [String: Int64], _ range: ClosedRange<Int64>) -> String? {
    let digits = text.prefix { $0.isNumber || $0 == "-" || $0 == "_" }.filter { $0 != "_" }
    let unit = text.drop { $0.isNumber || $0 == "-" || $0 == "_" }.drop { $0 == " " }
    guard let count = Int64(digits), let factor = unit.isEmpty ? 1 : units[String(unit)] else { return nil }
    let (value, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow || !range.contains(value) ? nil : String(value)
  }

  private static func wanted(_ kind: ProductDescriptor.Key.Kind) -> String {
    switch kind {
    case .string: "text"
    case .bool: "true or false"
    case .choice(let names): "one of \(names.joined(separator: ", "))"
    case .integer(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .size(let range): "a size from \(range.lowerBound) to \(range.upperBound) bytes"
    case .duration(let range): "a duration from \(range.lowerBound) to \(range.upperBound) ms"
    }
  }
}

extension SettingText.Failure: CustomStringConvertible {
  var description: String {
    switch self {
    case .unknownKey(let key, let known):
      "setting \(key) is not known; the tier knows: \(known.isEmpty ? "none" : known.joined(separator: ", "))"
    case .illegal(let key, let value, let wanted): "setting \(key): \"\(value)\" is not \(wanted)"
    case .missing(let key): "setting \(key) is required; give it with --setting \(key)=VALUE"
    }
  }
}
