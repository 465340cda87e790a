/// The annotated configuration file, printed from the schema. The repository's chronik.yaml is this text.
public enum ConfigurationManual {
  private static let width = 110

  /// Every setting with its default, what it accepts and why one would change it. The text is itself a configuration
  /// file that loads and equals the built-in defaults.
  ///
  /// Settings whose absence matters, and Kafka's, are commented out: "#key: value" without a space, while prose has
  /// one.
  public static func manual() -> String {
    var page = ManualPage(width: width)
    page.prose(preface)
    for key in ConfigurationSchema.topKeys {
      page.blank()
      if let setting = ConfigurationSchema.setting(key) {
        page.rule()
        page.setting(setting)
      } else {
        section(key, &page)
      }
    }
    return page.text
  }

  private static func section(_ key: String, _ page: inout ManualPage) {
    page.rule()
    if let section = ConfigurationSchema.sections.first(where: { $0.name == key }) { page.prose(section.introduction) }
    page.line("\(key):")
    page.indentation = 2
    if key == "chain" {
      chain(&page)
    } else {
      for setting in ConfigurationSchema.settings where setting.section == key {
        page.blank()
        page.setting(setting)
      }
      for definition in ConfigurationSchema.kafkaSettings(in: key) {
        page.blank()
        page.kafka(definition)
      }
    }
    page.indentation = 0
  }

  private static func chain(_ page: inout ManualPage) {
    for setting in ConfigurationSchema.chain {
      page.blank()
      page.prose("\(setting.key): \(setting.summary) \(setting.reason)")
      page.prose("Default: \(setting.isRequired ? "none, required" : "none"). Accepted: \(setting.expectation).")
    }
    for setting in ConfigurationSchema.store {
      page.blank()
      page.prose("store.\(setting.key): \(setting.summary) \(setting.reason)")
      page.prose("Default: \(setting.defaultText ?? "none"). Accepted: \(setting.expectation).")
    }
    page.blank()
    for (index, tier) in ConfigurationSchema.defaultChain.enumerated() {
      page.line("- tier: \(tier.tier)")
      for (key, value) in [("product", tier.product), ("name", tier.name)] {
        if let value { page.line("  \(key): \(value)") }
      }
      for setting in ConfigurationSchema.chain where !setting.isRequired {
        // Only a tier that keeps its data in a store may be given one.
        let place = setting.key == "store" ? ConfigurationSchema.defaultStoreIndex : 0
        if index == place { page.line("  #\(setting.key): \(setting.example ?? "")") }
      }
    }
  }

  private static let preface = """
    Chronik's configuration: every setting with its default. Printed by "chronik config manual"; a broker \
    without a file behaves as if it had been given this one. "chronik config check" shows what a file \
    means without starting a broker.

    Sizes are whole numbers with a unit: B; KiB, MiB, GiB, TiB count in 1024; KB, MB, GB, TB in 1000. Case does not \
    matter, one space may precede the unit, and a plain number is bytes. K, M, G and T alone are refused: \
    they mean two things.
    Durations are whole numbers with a unit: ms, s, m, h, d. Only 0 needs none. Kafka's settings also take \
    Kafka's plain numbers.
    Booleans are true and false; yes, no, on and off are refused.
    Quotes never change the meaning of a value. A key may stand once. Unknown keys are refused.
    Anchors, aliases, tags and further documents are refused. Environment variables are not expanded; "$BIN" at the \
    start of a path is the directory of the executable.
    Lines of the form "#key: value" are settings at their default, or examples where there is none.
    """
}

/// Lines of the manual: comments wrapped to a width, at the current indentation.
private struct ManualPage {
  let width: Int
  var indentation = 0
  private(set) var text = ""

  init(width: Int) { self.width = width }

  mutating func blank() { text += "\n" }

  mutating func line(_ content: String) {
    text += String(repeating: " ", count: indentation) + content + "\n"
  }

  mutating func rule() {
    text += "# " + String(repeating: "-", count: width - 2) + "\n"
  }

  /// Each line of `paragraphs` becomes a comment of its own, wrapped; an empty line stays one.
  mutating func prose(_ paragraphs: String) {
    for paragraph in paragraphs.split(separator: "\n", omittingEmptySubsequences: false) {
      var current = "#"
      for word in paragraph.split(separator: " ") {
        if indentation + current.count + 1 + word.count > width, current != "#" {
          line(current)
          current = "#"
        }
        current += " " + word
      }
      line(current)
    }
  }

  mutating func setting(_ setting: Setting) {
    prose("\(setting.summary) \(setting.reason)")
    prose("Default: \(setting.defaultText ?? "none"). Accepted: \(setting.expectation).")
    if let text = setting.defaultText {
      line("\(setting.key): \(text)")
    } else {
      line("#\(setting.key): \(setting.example ?? "")")
    }
  }

  mutating func kafka(_ definition: KafkaConfigDefinition) {
    prose(definition.documentation)
    let standard = definition.defaultValue.isEmpty ? "\"\"" : definition.defaultValue
    let words = Self.inWords(definition).map { " (\($0))" } ?? ""
    prose("Default: \(standard)\(words). Accepted: \(definition.expectation).")
    line("#\(definition.name): \(standard)")
  }

  /// A default number as a person would say it, when that differs from the number.
  private static func inWords(_ definition: KafkaConfigDefinition) -> String? {
    guard let number = Int64(definition.defaultValue), number > 0 else { return nil }
    if number == .max || number == Int64(Int32.max) { return "no limit" }
    let words: String? =
      switch definition.unit {
      case .bytes: ByteSize.text(number)
      case .milliseconds: DurationText.text(number)
      case .minutes: DurationText.text(number * 60_000)
      case .none: nil
      }
    return words == "\(number)B" || words == "\(number)ms" ? nil : words
  }
}
