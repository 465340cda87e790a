/// A configuration together with what is needed to talk about it: where each setting came from, and what deserves a
/// warning.
public struct LoadedConfiguration: Sendable {
  public let configuration: Configuration
  public let origins: ConfigurationOrigins
  /// In the order of the file.
  public let warnings: [ConfigurationDiagnostic]
  /// What the file and the command line set, by the schema's paths, for reports.
  let values: [String: SettingValue]
}

/// What the command line sets; each replaces the file's setting of the same name.
public struct CommandLineOverrides: Sendable, Hashable {
  /// `--data-dir`
  public var dataDirectory: String?
  /// `--listen`
  public var listen: String?
  /// `--advertised`
  public var advertised: String?
  /// `--http-listen`
  public var httpListen: String?

  public init(
    dataDirectory: String? = nil, listen: String? = nil, advertised: String? = nil, httpListen: String? = nil
  ) {
    self.dataDirectory = dataDirectory
    self.listen = listen
    self.advertised = advertised
    self.httpListen = httpListen
  }
}
