import Testing

@testable import Host

@Suite("A failure that repeats is logged now and then")
struct FailureReportsTests {
  @Test("one line in ten seconds, which says how many came since the last one, whatever the clock does")
  func admitted() {
    var reports = FailureReports()
    #expect(reports.admit(at: 1_000) == 0)
    #expect(reports.admit(at: 1_000) == nil)
    #expect(reports.admit(at: 10_999) == nil)
    #expect(reports.admit(at: 11_000) == 2)
    #expect(reports.admit(at: 20_999) == nil)
    #expect(reports.admit(at: 500) == 1, "the clock was set back")
    #expect(reports.admit(at: 600) == nil)
    #expect(reports.admit(at: 10_500) == 1)
  }
}
