/// What the HTTP port serves: the table of its paths.
enum HTTPRoute: Sendable, Equatable {
  case index
  case health
  case topics
  case search(topic: String)
  case segments

  /// Path, methods and one sentence, as the index and the README list them.
  static let table: [(path: String, methods: String, summary: String)] = [
    ("/", "GET, HEAD, OPTIONS", "this list"),
    ("/health", "GET, HEAD, OPTIONS", "200 while the broker serves, 503 while it stops"),
    ("/v1/topics", "GET, HEAD, OPTIONS", "topics, their partitions and offsets"),
    (
      "/v1/search/{topic}", "GET, POST, OPTIONS",
      "search records; fields: " + SearchFields.names.joined(separator: ", ")
    ),
    ("/v1/archive/segments", "GET, OPTIONS", "the archive's segment index; field: topic"),
  ]

  init(_ path: [String]) throws(HTTPProblem) {
    switch path.count {
    case 0: self = .index
    case 1 where path[0] == "health": self = .health
    case 2 where path == ["v1", "topics"]: self = .topics
    case 3 where path[0] == "v1" && path[1] == "search": self = .search(topic: path[2])
    case 3 where path == ["v1", "archive", "segments"]: self = .segments
    default: throw HTTPProblem(.notFound, "unknown_path", "there is nothing here; GET / lists what there is")
    }
  }

  var allow: String {
    switch self {
    case .index, .health, .topics: "GET, HEAD, OPTIONS"
    case .search: "GET, POST, OPTIONS"
    case .segments: "GET, OPTIONS"
    }
  }
}
