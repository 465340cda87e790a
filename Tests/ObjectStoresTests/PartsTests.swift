@testable import ObjectStores
import Synchronization
import Testing
import TierAPI
import TierKit

/// The pure parts of the store s3, and the store before services that real servers are not.
@Suite struct PartsTests {
  @Test func pausesGrowToTheirBoundAndNeverPassTheDeadline() {
    let policy = RetryPolicy(retriesMax: 8)
    func pause(
      _ attempt: Int, _ random: UInt64, throttled: Bool = false, after: Int64? = nil, left: Int64 = 100_000
    ) -> Int64? {
      policy.pause(afterAttempt: attempt, isThrottled: throttled, retryAfter: after, random: random, remaining: left)
    }
    #expect(pause(0, 50) == 50 && pause(0, 51) == 0, "full jitter: anything from 0 to 50 ms")
    #expect(pause(3, 400) == 400 && pause(3, 401) == 0)
    #expect(pause(7, 5_000) == 5_000 && pause(7, 5_001) == 0)
    #expect(pause(8, 0) == nil)
    #expect(pause(0, 3, throttled: true, after: 2_000) == 2_003, "what was asked for, and jitter behind it")
    #expect(pause(0, 50, left: 50) == nil)
    #expect(RetryPolicy.retryAfter("7", now: 0) == 7_000)
    #expect(RetryPolicy.retryAfter("Fri, 24 May 2013 00:00:10 GMT", now: 1_369_353_600_000) == 10_000)
    #expect(RetryPolicy.retryAfter("soon", now: 0) == nil)
  }

  @Test func documentsThatWouldGrowAreRefused() {
    #expect(XMLElement.parse(Array("<a><b>x &amp; y</b></a>".utf8))?.text("b") == "x & y")
    #expect(XMLElement.parse(Array("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>".utf8)) == nil)
    #expect(XMLElement.parse(Array(String(repeating: "<a>", count: 17).utf8)) == nil)
    #expect(XMLElement.parse(Array("<a>cut".utf8)) == nil)
    #expect(XMLElement.parse([]) == nil)
  }

  @Test func timesAreRead() {
    #expect(Timestamp.iso8601("2013-05-24T00:00:00.250Z") == 1_369_353_600_250)
    #expect(Timestamp.iso8601("2013-05-24T00:00:00Z") == 1_369_353_600_000)
    #expect(Timestamp.iso8601("yesterday") == nil)
  }

  @Test(arguments: [409, 404]) func servicesThatSayConflictInTheirOwnWayAreUnderstood(status: Int) throws {
    let host = TestHost()
    let store = try FakeService(.init(conflictStatus: status)).store(host)
    try store.start(StoreCall())
    #expect(try store.put("k", [1], ifAbsent: true))
    #expect(try !store.put("k", [2], ifAbsent: true))
    #expect(try store.get("k") == [1])
    #expect(host.log.isEmpty)
  }

  @Test func aServiceThatIgnoresConditionsIsNoticedAndAskedFirst() throws {
    let host = TestHost()
    let store = try FakeService(.init(conflictStatus: nil, acceptsChecksums: false, knowsDeleteObjects: false)).store(
      host)
    try store.start(StoreCall())
    #expect(host.log.contains { $0.contains("ignores If-None-Match") })
    #expect(try store.put("k", [1], ifAbsent: true))
    #expect(try !store.put("k", [2], ifAbsent: true))
    #expect(try store.get("k") == [1])
    try store.remove(["k", "l"], StoreCall())
    #expect(try store.allKeys() == [])
  }

  @Test(arguments: [
    "<DeleteResult><Error><Code>InternalError</Code></Error></DeleteResult>",
    "<DeleteResult><Error><Code>InternalError</Code><Key>other</Key></Error></DeleteResult>",
  ])
  func aFailureOfManyThatDoesNotSayWhichIsAFailureOfAll(_ answer: String) throws {
    let store = try FakeService(.init(deleteObjectsFailure: answer)).store(TestHost())
    try store.start(StoreCall())
    for key in ["k", "l"] { #expect(try store.put(key, [1], ifAbsent: true)) }
    try store.remove(["k", "l"], StoreCall())
    #expect(try store.allKeys() == [])
  }

  @Test func aClockThatIsWrongIsCorrectedFromTheService() throws {
    let host = TestHost()
    let service = FakeService(
      .init(intercept: { request in
        let stamp = request.headers.first { $0.0 == "x-amz-date" }!.1
        if stamp.hasPrefix("2013") { return nil }
        return .success(
          HTTPResponse(
            status: 403, headers: ["date": "Fri, 24 May 2013 00:00:00 GMT"],
            body: Array("<Error><Code>RequestTimeTooSkewed</Code></Error>".utf8)))
      }))
    let store = try service.store(host)
    try store.start(StoreCall())
    #expect(try store.put("k", [1]))
    #expect(host.log.contains { $0.contains("clock") })
  }

  /// 400 is also what a service says that does not know a header; these are no such answers.
  @Test(arguments: ["BadDigest", "SlowDown", "RequestTimeTooSkewed"])
  func aProbeThatFailsForAnotherReasonSaysNothingOfWhatTheServiceKnows(code: String) throws {
    let isDone = Mutex(false)
    let service = FakeService(
      .init(intercept: { request in
        guard request.method == "PUT", !isDone.withLock({ let was = $0; $0 = true; return was }) else { return nil }
        return .success(
          HTTPResponse(
            status: 400, headers: ["date": "Fri, 24 May 2013 00:00:00 GMT"],
            body: Array("<Error><Code>\(code)</Code></Error>".utf8)))
      }))
    let store = try service.store(TestHost())
    let abilities = try store.ready(CallScope(StoreCall(), store.gate, TestHost().services))
    #expect(abilities == S3Store.Abilities(conditionalPuts: true, checksums: true))
  }

  @Test func aBucketInAnotherRegionIsFollowedThere() throws {
    let service = FakeService(
      .init(intercept: { request in
        let signature = request.headers.first { $0.0 == "Authorization" }!.1
        if signature.contains("/eu-west-3/s3/") { return nil }
        return .success(
          HTTPResponse(
            status: 400,
            body: Array("<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>".utf8)))
      }))
    let store = try service.store(TestHost())
    try store.start(StoreCall())
    #expect(try store.put("k", [1]))
  }
}
