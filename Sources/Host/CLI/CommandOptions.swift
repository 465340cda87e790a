import ArgumentParser

/// Options that several commands share.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("The configuration file. Without it the embedded defaults are used.", valueName: "file"))
  var config: String?
}

/// Exit codes beyond 0 and 1, after sysexits.h.
enum ChronikExit {
  /// The configuration is wrong (EX_CONFIG).
  static let configuration = ExitCode(78)
}
