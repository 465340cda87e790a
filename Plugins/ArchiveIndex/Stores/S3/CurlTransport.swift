import CCurl
import Glibc

struct TLSSettings: Sendable {
  var verify = true
  /// PEM file of the authorities to trust instead of the system's.
  var authorityFile: String?
}

/// The requests of one `perform` and what became of them.
final class CurlBatch: Sendable {
  struct State {
    var results: [Result<HTTPResponse, TransportFailure>?]
    var remaining: Int
  }
  let state: Monitor<State>
  init(_ count: Int) { state = Monitor(State(results: Array(repeating: nil, count: count), remaining: count)) }

  func finish(_ index: Int, _ result: Result<HTTPResponse, TransportFailure>) {
    state.change {
      $0.results[index] = result
      $0.remaining -= 1
    }
  }
}

/// libcurl behind one thread: the callers hand it requests and wait; the thread drives all transfers of the store in
/// one multi handle, which also keeps the connections for the next requests. At most `connectionsMax` requests are on
/// their way; the others wait in order.
final class CurlTransport: HTTPTransport, @unchecked Sendable {
  private struct Inbox {
    var waiting: [CurlTransfer] = []
    var ended: [CurlBatch] = []
    var isStopping = false
  }
  private let inbox = Monitor(Inbox())
  private let multi: UnsafeMutableRawPointer
  private let connectionsMax: Int
  private let tls: TLSSettings
  private var thread = pthread_t()
  // Of the thread.
  private var active: [UnsafeMutableRawPointer: CurlTransfer] = [:]
  private var idle: [UnsafeMutableRawPointer] = []

  /// Nil when there is no memory or no thread to be had.
  init?(connectionsMax: Int, tls: TLSSettings) {
    // Once per process; later calls count only.
    guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let multi = curl_multi_init() else { return nil }
    self.multi = multi
    self.connectionsMax = connectionsMax
    self.tls = tls
    ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connectionsMax)
    let status = pthread_create(&thread, nil, { argument in
      Unmanaged<CurlTransport>.fromOpaque(argument!).takeUnretainedValue().run()
      return nil
    }, Unmanaged.passUnretained(self).toOpaque())
    if status != 0 {
      curl_multi_cleanup(multi)
      return nil
    }
  }

  func stop() {
    inbox.change { $0.isStopping = true }
    curl_multi_wakeup(multi)
    pthread_join(thread, nil)
    for handle in idle { curl_easy_cleanup(handle) }
    curl_multi_cleanup(multi)
  }

  func perform(_ requests: [HTTPRequest], _ scope: CallScope) -> [Result<HTTPResponse, TransportFailure>] {
    let batch = CurlBatch(requests.count)
    let transfers = requests.enumerated().map { CurlTransfer($1, batch, $0) }
    inbox.change { $0.waiting.append(contentsOf: transfers) }
    curl_multi_wakeup(multi)
    var isEnding = false
    while true {
      let tick = isEnding ? Int64.max / 4 : min(StoreLimits.cancellationTickNanoseconds, scope.remainingNanoseconds)
      if let results = batch.state.wait(atMost: tick, for: { $0.remaining == 0 ? $0.results : nil }) {
        return results.map { $0! }
      }
      // The memory of the requests is the caller's: not before the thread has let go of it may this function return.
      if scope.isCancelled || scope.remainingNanoseconds == 0 {
        isEnding = true
        inbox.change { $0.ended.append(batch) }
        curl_multi_wakeup(multi)
      }
    }
  }

  private func run() {
    while true {
      let (waiting, ended, isStopping) = takeInbox()
      for batch in ended { end(batch) }
      for transfer in waiting { start(transfer) }
      if isStopping, active.isEmpty { return }
      var running: Int32 = 0
      curl_multi_perform(multi, &running)
      finishDone()
      // Woken by curl_multi_wakeup, by the network and by curl's own timers.
      curl_multi_poll(multi, nil, 0, active.count < connectionsMax && hasWaiting ? 0 : 1000, nil)
    }
  }

  private var hasWaiting: Bool { inbox.withLock { !$0.waiting.isEmpty || !$0.ended.isEmpty || $0.isStopping } }

  private func takeInbox() -> ([CurlTransfer], [CurlBatch], Bool) {
    inbox.withLock { inbox in
      let ended = inbox.ended
      inbox.ended = []
      for transfer in inbox.waiting where ended.contains(where: { $0 === transfer.batch }) {
        transfer.batch.finish(transfer.index, .failure(.ended))
      }
      inbox.waiting.removeAll { transfer in ended.contains { $0 === transfer.batch } }
      let count = min(inbox.waiting.count, max(0, connectionsMax - active.count))
      let next = Array(inbox.waiting.prefix(count))
      inbox.waiting.removeFirst(count)
      return (next, ended, inbox.isStopping)
    }
  }

  private func start(_ transfer: CurlTransfer) {
    guard let handle = idle.popLast() ?? curl_easy_init() else {
      return transfer.batch.finish(transfer.index, .failure(.other("no memory for a request")))
    }
    transfer.configure(handle, tls)
    active[handle] = transfer
    if curl_multi_add_handle(multi, handle) != CURLM_OK {
      release(handle)
      transfer.batch.finish(transfer.index, .failure(.other("libcurl refused a request")))
    }
  }

  private func finishDone() {
    var queued: Int32 = 0
    while let message = curl_multi_info_read(multi, &queued) {
      guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
      let code = ccurl_message_result(message)
      let verification = ccurl_long_info(handle, CURLINFO_SSL_VERIFYRESULT)
      guard let transfer = active[handle] else { continue }
      release(handle)
      transfer.batch.finish(transfer.index, transfer.result(code, verification: verification))
    }
  }

  /// Takes the transfers of a batch out of libcurl, which forgets their memory with that.
  private func end(_ batch: CurlBatch) {
    for (handle, transfer) in active where transfer.batch === batch {
      release(handle)
      batch.finish(transfer.index, .failure(.ended))
    }
  }

  private func release(_ handle: UnsafeMutableRawPointer) {
    curl_multi_remove_handle(multi, handle)
    active[handle] = nil
    curl_easy_reset(handle)
    idle.append(handle)
  }
}
