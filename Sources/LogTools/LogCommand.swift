public import ArgumentParser

/// `chronik log …`: what the files of LocalSegments hold, without a broker. The files are Kafka's own, so both commands
/// read a Kafka data directory as well.
public struct LogCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Explain and verify the files of the local log.",
    subcommands: [LogDumpCommand.self, LogVerifyCommand.self])

  public init() {}
}
