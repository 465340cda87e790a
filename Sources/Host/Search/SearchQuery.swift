import PluginLoader

/// A search as a person or program asks for it, checked as far as the topic does not matter.
struct SearchQuery: Sendable, Equatable {
  var topic: String
  var text = ""
  var key: [UInt8]?
  /// ms since 1970, inclusive.
  var since = Int64.min
  /// ms since 1970, exclusive.
  var until = Int64.max
  /// Both as they were asked for: "15m" is another time on every page of one search.
  var sinceText: String?
  var untilText: String?
  /// Nil: all of the topic.
  var partitions: Set<Int32>?
  var offsetFrom: Int64 = 0
  /// Exclusive.
  var offsetTo = Int64.max
  var order = SearchRequest.Order.newest
  var limit = 20
  var cursor: [UInt8] = []
  /// ms; nil: the server's bound.
  var timeout: Int64?
  /// Bytes to read at most; 0: the tier's own bound.
  var byteBudget: UInt64 = 0
  /// Bytes of a value that are returned at most.
  var maxValueBytes = Int.max
}

/// Why there is no answer. The HTTP port gives each its status; see `HTTPProblem`.
enum SearchRefusal: Error, Sendable, Equatable {
  /// The request is wrong; the sentence says where.
  case invalid(String)
  case unknownTopic(String)
  case unknownPartition(topic: String, partition: Int32, count: Int)
  /// No tier of the chain searches.
  case notOffered
  /// As many searches are under way as may be.
  case busy
  /// Its time passed before its turn came.
  case waitedTooLong
  /// The client left, or the broker stops.
  case cancelled
  /// The searching tier failed.
  case failed(String)
}
