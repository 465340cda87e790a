@testable import Configuration

let testEnvironment = ConfigurationEnvironment(
  binaryDirectory: "/opt/chronik/bin", workingDirectory: "/srv", processorCount: 2)

/// Loads `yaml` as a file called chronik.yaml in /srv.
func load(
  _ yaml: String, file: String = "chronik.yaml", overrides: CommandLineOverrides = CommandLineOverrides()
) throws(ConfigurationError) -> LoadedConfiguration {
  try LoadedConfiguration.parse(file: file, bytes: Array(yaml.utf8), overrides: overrides, environment: testEnvironment)
}

func loadDefaults(_ overrides: CommandLineOverrides = CommandLineOverrides()) throws -> LoadedConfiguration {
  try LoadedConfiguration.parse(file: nil, bytes: [], overrides: overrides, environment: testEnvironment)
}

/// The lines of the error that loading `yaml` gives; empty when it loads.
func refusals(_ yaml: String, overrides: CommandLineOverrides = CommandLineOverrides()) -> [String] {
  refusals { () throws(ConfigurationError) in _ = try load(yaml, overrides: overrides) }
}

/// The lines of the error that reading bytes as YAML gives.
func yamlRefusals(_ bytes: [UInt8]) -> [String] {
  refusals { () throws(ConfigurationError) in _ = try YAMLDocument.parse(file: "a.yaml", bytes: bytes) }
}

func yamlRefusals(_ text: String) -> [String] { yamlRefusals(Array(text.utf8)) }

func refusals(_ body: () throws(ConfigurationError) -> Void) -> [String] {
  do throws(ConfigurationError) {
    try body()
    return []
  } catch {
    return error.description.split(separator: "\n").map { String($0) }
  }
}

/// A generator whose seed replays a run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Result {
  var failure: Failure? {
    guard case .failure(let failure) = self else { return nil }
    return failure
  }

  var success: Success? {
    guard case .success(let success) = self else { return nil }
    return success
  }
}
