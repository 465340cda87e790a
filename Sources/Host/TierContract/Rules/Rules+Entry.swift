import TierAPI

/// What a library says of itself, and creating instances.
let entryRules: [ContractRule] = [
  ContractRule(
    "entry.constant",
    "The entry, the factory and the extension answers are the same each time; unknown ids answer NULL."
  ) {
    (context) throws(RuleEnd) in
    guard let entry = context.library.entryFunction(), context.library.entryFunction() == entry else {
      throw .broken("chronik_plugin_entry answered two different pointers")
    }
    let factory = entry.pointee.get_factory(CHRONIK_FACTORY_TIER)
    try expect(
      entry.pointee.get_factory(CHRONIK_FACTORY_TIER) == factory, "get_factory answered two different pointers")
    for id in ["chronik.no-such-factory/1", "", "chronik.tier/2"] {
      try expect(entry.pointee.get_factory(id) == nil, "get_factory(\"\(id)\") answered a pointer")
    }
  },

  ContractRule(
    "entry.descriptor",
    "The descriptor is complete: legal names, known abilities that fit together, keys with legal defaults."
  ) {
    (context) throws(RuleEnd) in
    try checkDescriptor(context)
  },

  ContractRule("create.defaults", "An instance with default settings is created, started, stopped and destroyed.") {
    (context) throws(RuleEnd) in
    try context.start().end()
  },

  ContractRule("create.unstarted", "An instance that was never started can be destroyed.") {
    (context) throws(RuleEnd) in
    let tier = try ProbeTier(
      context.library, directory: context.isDurable ? context.directory : "", settings: context.settings)
    tier.destroy()
    try tier.checkSlices()
  },

  ContractRule(
    "create.invalid-config", "An unacceptable value is refused with INVALID_CONFIG and a message that names the key."
  ) {
    (context) throws(RuleEnd) in
    try checkInvalidConfiguration(context)
  },

  ContractRule(
    "create.many", "Two instances side by side do not know of each other.", needs: UInt64(CHRONIK_TIER_APPEND)
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let (first, second) = (try context.start(in: "a"), try context.start(in: "b"))
    let (mine, other) = (try first.open(), try second.open(at: 70))
    let batches = factory.run(from: 0, count: 4)
    try mine.append(batches)
    try other.expectHolds([], "after an append to another instance")
    try other.append(factory.run(from: 70, count: 2))
    try mine.expectHolds(batches, "after an append to another instance")
    mine.close()
    other.close()
    try first.end()
    try second.end()
  },

  ContractRule("extension.unknown", "An unknown extension answers NULL.") { (context) throws(RuleEnd) in
    let tier = try context.start()
    guard let get = tier.table.get_extension else { throw .notApplicable("the tier has no get_extension") }
    for id in ["chronik.no-such-extension/1", ""] {
      try expect(get(tier.raw, id) == nil, "get_extension(\"\(id)\") answered a pointer")
    }
    let search = get(tier.raw, "chronik.search/1")
    try expect(
      context.has(CHRONIK_TIER_SEARCH) == (search != nil),
      "SEARCH is \(context.has(CHRONIK_TIER_SEARCH) ? "" : "not ")among the abilities, but chronik.search/1 is "
        + "\(search == nil ? "not " : "")offered"
    )
    try tier.end()
  },

  ContractRule(
    "message.bounds", "Messages are UTF-8, never longer than the buffer, and a buffer without room is no problem."
  ) {
    (context) throws(RuleEnd) in
    try checkMessageBounds(context)
  },
]

private func checkDescriptor(_ context: RuleContext) throws(RuleEnd) {
  let raw = context.library.rawDescriptor.pointee
  for (field, pointer) in [("id", raw.id), ("name", raw.name), ("version", raw.version), ("summary", raw.summary)] {
    guard let text = String(validatingCString: pointer), !text.isEmpty else {
      throw .broken("\(field) is empty or not UTF-8")
    }
  }
  let descriptor = context.library.descriptor
  let legal = descriptor.name.utf8.allSatisfy {
    ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 90) || ($0 >= 97 && $0 <= 122) || $0 == 95 || $0 == 45 || $0 == 46
  }
  try expect(legal, "name \"\(descriptor.name)\" is not of [A-Za-z0-9_.-]")
  let abilities = descriptor.abilities
  try expect(abilities & ~UInt64(0xFF) == 0, "abilities have unknown bits: 0x\(String(abilities, radix: 16))")
  // A fallback reads what other tiers left in its store.
  let writes = context.has(CHRONIK_TIER_APPEND) || context.has(CHRONIK_TIER_IMPORT)
    || context.has(CHRONIK_TIER_STORE)
  try expect(writes, "neither APPEND nor IMPORT nor STORE is among the abilities: nothing can ever get in")
  try expect(
    !context.has(CHRONIK_TIER_SEAL) || context.has(CHRONIK_TIER_APPEND), "SEAL without APPEND has nothing to seal")
  try expect(!context.isDurable || writes, "DURABLE without APPEND or IMPORT")
  let names = descriptor.keys.map(\.name)
  try expect(Set(names).count == names.count, "a configuration key is declared twice: \(names)")
  for key in descriptor.keys {
    try expect(!key.name.isEmpty && !key.summary.isEmpty, "key \"\(key.name)\" has no name or no summary")
    try expect(!key.isRequired || key.defaultValue == nil, "key \(key.name) is required and has a default")
    if let text = key.defaultValue {
      try expect(
        SettingText.normalise(text, key.kind) != nil, "key \(key.name): its default \"\(text)\" is not a legal value")
    }
    if case .choice(let choices) = key.kind { try expect(!choices.isEmpty, "key \(key.name) has no choices") }
  }
}

/// The settings with one value that cannot be right, and the key's name; nil when every key is text.
private func spoiledSettings(_ context: RuleContext) -> [(key: String, value: String, settings: [(String, String)])] {
  context.library.descriptor.keys.compactMap { key in
    let value: String
    switch key.kind {
    case .string, .bool: return nil
    case .integer, .size, .duration: value = "no number"
    case .choice: value = "no such choice"
    }
    return (key.name, value, context.settings.filter { $0.0 != key.name } + [(key.name, value)])
  }
}

private func checkInvalidConfiguration(_ context: RuleContext) throws(RuleEnd) {
  let spoiled = spoiledSettings(context)
  if spoiled.isEmpty { throw .notApplicable("every configuration key is free text") }
  let directory = context.isDurable ? context.directory : ""
  for (key, value, settings) in spoiled {
    let host = ProbeHost()
    let (reply, _) = try ProbeTier.tryCreate(context.library, host, directory, settings)
    try expect(
      reply.status == CHRONIK_INVALID_CONFIG, "create with \(key) = \"\(value)\" returned \(reply.text)")
    try expect(
      reply.message.contains(key), "the message for \(key) = \"\(value)\" does not name the key: \"\(reply.message)\"")
  }
}

private func checkMessageBounds(_ context: RuleContext) throws(RuleEnd) {
  let directory = context.isDurable ? context.directory : ""
  let capacities = [0, 1, 2, 3, 5, 8, 13, 40, 512]
  var failures = 0
  for (_, _, settings) in spoiledSettings(context) {
    for capacity in capacities {
      let (reply, _) = try ProbeTier.tryCreate(
        context.library, ProbeHost(), directory, settings, messageCapacity: capacity)
      if !reply.isOK { failures += 1 }
    }
  }
  let tier = try context.start()
  if context.has(CHRONIK_TIER_APPEND) {
    var factory = context.batches()
    let partition = try tier.open()
    try partition.append([factory.make(at: 0)])
    for capacity in capacities {
      let reply = try partition.tryAppend([factory.make(at: 1)], messageCapacity: capacity)
      if !reply.isOK { failures += 1 }
    }
    partition.close()
  }
  try tier.end()
  if failures == 0 { throw .notApplicable("no call that fails could be provoked") }
}
