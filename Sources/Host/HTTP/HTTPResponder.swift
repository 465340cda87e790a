import Configuration
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore

/// Answers requests of the HTTP port: checks the head, finds the route, reads a bounded body, writes one answer.
///
/// Runs as one task per connection. Nothing here blocks: searches and exports have threads of their own.
final class HTTPResponder: Sendable {
  let topics: Topics
  let search: SearchService
  let archive: ArchiveExport
  let settings: Configuration.HTTP
  private let hostGuard: HostGuard
  private let clock: @Sendable () -> Int64
  private let stopping = SearchCancellation()

  /// `clock`: ms since 1970.
  init(
    topics: Topics, search: SearchService, archive: ArchiveExport, settings: Configuration.HTTP, listen: Endpoint,
    clock: @escaping @Sendable () -> Int64
  ) {
    self.topics = topics
    self.search = search
    self.archive = archive
    self.settings = settings
    hostGuard = HostGuard(listen)
    self.clock = clock
  }

  /// From now on the broker counts as not healthy.
  func stop() { stopping.cancel() }

  /// What a request leads to.
  private enum Step {
    case reply(HTTPReply)
    case export(topic: String)
  }

  /// Thrown after the answer when the request was not read to its end: closes the connection.
  private struct RequestNotRead: Error {}

  func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
    let step: Step
    do throws(HTTPProblem) {
      step = try await self.step(request, channel)
    } catch {
      step = .reply(HTTPReply(error))
    }
    switch step {
    case .reply(let reply):
      defer { reply.place?.release() }
      // A body that nobody read is not read for the sake of the next request, either.
      let keepsOpen = !hasBody(request) || (request.method == .post && reply.status == .ok)
      try await send(reply, to: request, keepsOpen: keepsOpen, writer, channel)
      if !keepsOpen { throw RequestNotRead() }
    case .export(let topic):
      try await archive.send(topic: topic, writer, taking: clientTimeout, on: channel)
      if hasBody(request) { throw RequestNotRead() }
    }
  }

  private func step(_ request: Request, _ channel: any Channel) async throws(HTTPProblem) -> Step {
    try hostGuard.check(authority: request.head.authority, origin: request.headers[.origin])
    let target = try RequestTarget(request.head.path ?? "")
    let route = try HTTPRoute(target.path)
    let method = request.method
    if method == .options { return .reply(HTTPReply(allow: route.allow)) }
    switch route {
    case .search(let topic):
      guard method == .get || method == .post else { throw .methodNotAllowed(route.allow) }
      return .reply(try await found(topic, target, request, channel))
    case .segments:
      guard method == .get else { throw .methodNotAllowed(route.allow) }
      return .export(topic: try archiveTopic(target))
    case .index, .health, .topics:
      guard method == .get || method == .head else { throw .methodNotAllowed(route.allow) }
      return .reply(try state(route))
    }
  }

  private func state(_ route: HTTPRoute) throws(HTTPProblem) -> HTTPReply {
    switch route {
    case .topics: return HTTPReply(StateJSON.topics(topics.all))
    case .health:
      guard !stopping.isCancelled else { throw HTTPProblem(.serviceUnavailable, "stopping", "the broker is stopping") }
      return HTTPReply(StateJSON.health)
    default: return HTTPReply(StateJSON.index)
    }
  }

  private func archiveTopic(_ target: RequestTarget) throws(HTTPProblem) -> String {
    for name in target.fields.keys where name != "topic" {
      throw .badRequest("unknown field \(name.prefix(64)); there is topic")
    }
    guard archive.isOffered else {
      throw HTTPProblem(.notImplemented, "no_archive", "no tier of this broker's chain keeps an archive")
    }
    guard let topic = target.fields["topic"] else { return "" }
    if let complaint = TopicName.complaint(topic) { throw HTTPProblem(.badRequest, "invalid_topic", complaint) }
    return topic
  }

  // MARK: Searching

  private func found(
    _ topic: String, _ target: RequestTarget, _ request: Request, _ channel: any Channel
  ) async throws(HTTPProblem) -> HTTPReply {
    var given = target.fields
    if request.method == .post {
      let body = try SearchBody.fields(try await body(of: request))
      for (name, value) in body {
        guard given.updateValue(value, forKey: name) == nil else {
          throw .badRequest("the field \(name.prefix(64)) stands in the body and in the query string")
        }
      }
    }
    let query = try SearchFields(given, now: clock()).query(topic: topic)
    let place: SearchPlace
    do throws(SearchRefusal) { place = try search.admit() } catch { throw HTTPProblem(error) }
    let cancellation = SearchCancellation()
    let watch = await clientWatch(of: channel)
    watch?.watch { cancellation.cancel() }
    let result = await search.search(query, in: place, cancellation: cancellation) { SearchJSON.answer($0) }
    watch?.watch(nil)
    switch result {
    case .success(let body): return HTTPReply(body, place: place)
    case .failure(let refusal):
      place.release()
      throw HTTPProblem(refusal)
    }
  }

  private func clientWatch(of channel: any Channel) async -> ClientWatch? {
    do { return try await channel.pipeline.handler(type: ClientWatch.self).get() } catch { return nil }
  }

  // MARK: The request

  private var clientTimeout: TimeAmount { .milliseconds(settings.clientTimeout.wholeMilliseconds) }

  private func hasBody(_ request: Request) -> Bool {
    request.headers[.transferEncoding] != nil || (request.headers[.contentLength] ?? "0") != "0"
  }

  /// The whole body, of bounded size and within the time of a slow client.
  private func body(of request: Request) async throws(HTTPProblem) -> [UInt8] {
    let bound = settings.maxBodyBytes
    let tooLarge = HTTPProblem(
      .contentTooLarge, "body_too_large", "the body is larger than http.max_body_bytes (\(bound) bytes)")
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bound { throw tooLarge }
    let timeout = settings.clientTimeout
    let body = request.body
    do {
      let buffer = try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
        group.addTask { try await body.collect(upTo: bound) }
        group.addTask {
          try await Task.sleep(for: timeout)
          return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
      }
      guard let buffer else {
        throw HTTPProblem(.requestTimeout, "too_slow", "the body did not arrive within http.client_timeout")
      }
      return Array(buffer.readableBytesView)
    } catch let problem as HTTPProblem {
      throw problem
    } catch is NIOTooManyBytesError {
      throw tooLarge
    } catch {
      throw .badRequest("the body cannot be read")
    }
  }

  // MARK: The answer

  /// Writes the whole answer; a client that does not take it in time loses the connection.
  private func send(
    _ reply: HTTPReply, to request: Request, keepsOpen: Bool, _ writer: consuming ResponseWriter, _ channel: any Channel
  ) async throws {
    let timer = channel.eventLoop.scheduleTask(in: clientTimeout) { channel.close(promise: nil) }
    defer { timer.cancel() }
    var head = reply.head
    if !keepsOpen { head.headerFields[.connection] = "close" }
    if request.method == .head || reply.body.isEmpty { return try await writer.writeResponse(head) }
    var body = try await writer.writeHead(head)
    var rest = ByteBuffer(bytes: reply.body)
    while let piece = rest.readSlice(length: min(rest.readableBytes, 256 << 10)), piece.readableBytes > 0 {
      try await body.write(piece)
    }
    try await body.finish(nil)
  }
}
