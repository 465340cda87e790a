import Testing

@testable import Host

@Suite("Limits of groups")
struct GroupLimitsTests {
  @Test("a timer that is in time acts, one that was held up waits as long as that, up to five seconds")
  func grace() {
    for early in [-1000, 0, 250] { #expect(GroupLimits.grace(afterDelay: .milliseconds(early)) == nil) }
    #expect(GroupLimits.grace(afterDelay: .milliseconds(251)) == .milliseconds(251))
    #expect(GroupLimits.grace(afterDelay: .seconds(5)) == .seconds(5))
    #expect(GroupLimits.grace(afterDelay: .seconds(3600)) == .seconds(5))
  }
}
