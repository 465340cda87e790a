import Foundation
import Testing

@testable import Host

@Suite("README says what the server does")
struct DocumentationTests {
  @Test("its table of APIs is the handler table")
  func apiTable() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let listed = readme.split(separator: "\n").compactMap { line -> String? in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard line.hasPrefix("| "), cells.count >= 2, cells[0].hasSuffix(")"), cells[1].contains("–") else { return nil }
      return "\(cells[0]) \(cells[1])"
    }
    let served = HandlerTable.rows.sorted { $0.api.rawValue < $1.api.rawValue }.map { row in
      "\(row.api.name) (\(row.api.rawValue)) \(row.advertisedVersions.lowerBound)–\(row.advertisedVersions.upperBound)"
    }
    #expect(listed == served)
  }
}
