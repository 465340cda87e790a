public import ArgumentParser
import Configuration
import Glibc
import PluginLoader

/// `chronik search`: asks the HTTP port of a running broker and prints what it found.
public struct SearchCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Search the records of a topic.", discussion: SearchHelp.text)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }
  enum Order: String, ExpressibleByArgument, CaseIterable { case newest, relevance }

  @Argument(help: "The topic.") var topic: String
  @Argument(help: "What to find, as one word of the shell: quote it. May be left out with --key.") var query: String?
  @Option(name: .long, help: "Only records with exactly this key.") var key: String?
  @Option(name: .long, help: ArgumentHelp("Only records from this time on.", valueName: "time")) var since: String?
  @Option(name: .long, help: ArgumentHelp("Only records before this time.", valueName: "time")) var until: String?
  @Option(name: .long, help: ArgumentHelp("Only these partitions: a number, or several with commas.", valueName: "n"))
  var partition: String?
  @Option(name: .long, help: ArgumentHelp("Only records from this offset on.", valueName: "offset")) var offsetFrom:
    Int64?
  @Option(name: .long, help: ArgumentHelp("Only records before this offset.", valueName: "offset")) var offsetTo: Int64?
  @Option(name: .long, help: "Which records come first: newest, or relevance (BM25).") var order: Order?
  @Flag(name: .long, help: "The same as --order newest.") var newest = false
  @Option(name: .long, help: ArgumentHelp("Print at most so many records, up to 10000. (default: 20)", valueName: "n"))
  var limit: Int?
  @Option(name: .long, help: ArgumentHelp("Go on where an earlier answer ended.", valueName: "cursor")) var cursor:
    String?
  @Flag(name: .long, help: "Print everything that matches, page by page.") var all = false
  @Option(name: .long, help: ArgumentHelp("End after this time with what was found, e.g. 5s.", valueName: "duration"))
  var timeout: String?
  @Option(name: .long, help: ArgumentHelp("Read at most so many bytes, e.g. 64MiB.", valueName: "size")) var budget:
    String?
  @Option(name: .long, help: ArgumentHelp("Cut longer values.", valueName: "size")) var maxValueBytes: String?
  @Option(name: .long, help: "text, or json: one record per line.") var format: Format = .text
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The broker's HTTP port. Without it CHRONIK_URL, then http.listen of the configuration.", valueName: "url"))
  var url: String?
  @OptionGroup var options: ConfigurationOptions

  public init() {}

  public func validate() throws {
    if query == nil, key == nil {
      throw ValidationError("nothing to search for: give a query, or --key; a query that begins with - goes behind --")
    }
    if newest, order == .relevance { throw ValidationError("--newest and --order relevance exclude each other") }
    if all, order == .relevance { throw ValidationError("--all goes through records newest first, not by relevance") }
    if all, limit != nil { throw ValidationError("--all and --limit exclude each other") }
  }

  /// Records of one request when everything is wanted.
  private static let pageSize = 1000

  public func run() throws {
    let client = BrokerClient(url: try brokerURL())
    var printer = SearchPrinter(format: format, query: query ?? "", usesColour: Terminal.usesColour)
    var fields = givenFields
    if all { fields["limit"] = String(Self.pageSize) }
    var tally = SearchTally()
    repeat {
      let reply = try page(fields, client)
      for record in reply.records { printer.print(record, topic: reply.topic) }
      printer.flush()
      tally.add(reply)
      fields["cursor"] = reply.cursor
    } while all && fields["cursor"] != nil
    Terminal.complain(tally.line(usesColour: Terminal.errorUsesColour))
    if tally.count == 0 { throw SearchExit.nothingFound }
  }

  private func page(_ fields: [String: String], _ client: BrokerClient) throws -> SearchReply {
    do throws(BrokerClientError) {
      return try client.search(topic, fields)
    } catch {
      Terminal.complain("chronik search: \(error)")
      throw error.isMistakeOfTheQuery ? SearchExit.query : SearchExit.noBroker
    }
  }

  private var givenFields: [String: String] {
    let given: [(String, String?)] = [
      ("q", query), ("key", key), ("since", since), ("until", until), ("partition", partition),
      ("offset_from", offsetFrom.map { String($0) }), ("offset_to", offsetTo.map { String($0) }),
      ("order", order?.rawValue), ("limit", limit.map { String($0) }), ("cursor", cursor), ("timeout", timeout),
      ("budget", budget), ("max_value_bytes", maxValueBytes),
    ]
    return Dictionary(uniqueKeysWithValues: given.compactMap { name, value in value.map { (name, $0) } })
  }

  private func brokerURL() throws -> String {
    if let url { return url }
    if let text = getenv("CHRONIK_URL") { return String(cString: text) }
    let settings: Configuration
    do throws(ConfigurationError) {
      settings = try LoadedConfiguration.load(path: options.config).configuration
    } catch {
      Terminal.complain(error.rendered(colour: Terminal.errorUsesColour))
      throw ChronikExit.configuration
    }
    guard let listen = settings.http.listen else {
      Terminal.complain("chronik search: http.listen is off in this configuration; give --url, or CHRONIK_URL")
      throw SearchExit.noBroker
    }
    let host = listen.isWildcard ? (listen.isIPv6 ? "::1" : "127.0.0.1") : listen.host
    return "http://\(Endpoint(host: host, port: listen.port))"
  }
}

/// How a search ends, for scripts.
enum SearchExit {
  static let nothingFound = ExitCode(1)
  static let query = ExitCode(2)
  static let noBroker = ExitCode(3)
  /// What was found could not be written.
  static let output = ExitCode(4)
}
