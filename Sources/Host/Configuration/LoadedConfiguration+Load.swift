import Glibc

extension LoadedConfiguration {
  /// Reads a file, applies the command line, fills in defaults and checks everything.
  ///
  /// Without a path the result is the built-in defaults under the command line. Every problem is thrown at once.
  public static func load(
    path: String?, overrides: CommandLineOverrides = CommandLineOverrides(),
    environment: ConfigurationEnvironment = .current()
  ) throws(ConfigurationError) -> LoadedConfiguration {
    guard let path else { return try parse(file: nil, bytes: [], overrides: overrides, environment: environment) }
    let bytes = try ConfigurationFile.read(path)
    return try parse(file: path, bytes: bytes, overrides: overrides, environment: environment)
  }

  /// The same for bytes that are already in memory. `file` is what messages call them and where relative paths start;
  /// nil stands for the built-in defaults and ignores `bytes`.
  public static func parse(
    file: String?, bytes: [UInt8], overrides: CommandLineOverrides = CommandLineOverrides(),
    environment: ConfigurationEnvironment
  ) throws(ConfigurationError) -> LoadedConfiguration {
    var reader: ConfigurationReader
    if let file {
      let document = try YAMLDocument(source: SourceText(file: file, bytes: bytes))
      let base = PathText.resolve(
        PathText.directory(of: file), against: environment.workingDirectory,
        binaryDirectory: environment.binaryDirectory)
      reader = ConfigurationReader(
        file: file, source: document.source, baseDirectory: base, environment: environment)
      reader.collector.report(document.diagnostics)
      if let root = document.root { reader.read(root) }
    } else {
      reader = ConfigurationReader(
        file: ConfigurationOrigins.builtIn.file, source: nil, baseDirectory: environment.workingDirectory,
        environment: environment)
    }
    overrides.apply(to: &reader)
    return try finish(reader)
  }

  private static func finish(_ reader: ConfigurationReader) throws(ConfigurationError) -> LoadedConfiguration {
    let configuration = ConfigurationBuilder(
      values: reader.values, kafka: reader.kafka, chain: reader.chain, baseDirectory: reader.baseDirectory,
      environment: reader.environment
    ).build()
    var collector = reader.collector
    ConfigurationRules(configuration: configuration, origins: reader.origins).check(&collector)
    let warnings = try collector.finish(source: reader.origins.source)
    return LoadedConfiguration(
      configuration: configuration, origins: reader.origins, warnings: warnings, values: reader.values)
  }
}

extension CommandLineOverrides {
  func apply(to reader: inout ConfigurationReader) {
    reader.override("data_dir", with: dataDirectory, option: "--data-dir")
    reader.override("listen", with: listen, option: "--listen")
    reader.override("advertised", with: advertised, option: "--advertised")
    reader.override("http.listen", with: httpListen, option: "--http-listen")
  }
}

/// Reads a configuration file without ever holding more than the size bound.
enum ConfigurationFile {
  static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= ConfigurationLimits.fileBytesMax {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unreadable(path, errno) }
      bytes += buffer[..<count]
    }
    let bound = ByteSize.text(Int64(ConfigurationLimits.fileBytesMax))
    throw refusal(
      path, ValueProblem("the file is larger than \(bound)", expected: "a configuration of at most \(bound)"))
  }

  private static func unreadable(_ path: String, _ code: Int32) -> ConfigurationError {
    refusal(path, ValueProblem("cannot be read: \(String(cString: strerror(code)))"))
  }

  private static func refusal(_ path: String, _ problem: ValueProblem) -> ConfigurationError {
    ConfigurationError(diagnostics: [
      ConfigurationDiagnostic(
        file: path, line: 0, column: 0, message: problem.message, expected: problem.expected)
    ])
  }
}
