/// Says in the user's words what libyaml says in its own.
enum YAMLProblem {
  static func explain(_ found: YAMLSyntaxProblem, in source: SourceText) -> (
    position: SourcePosition, problem: ValueProblem
  ) {
    let place = source.clamped(found.position)
    if found.problem == "found character that cannot start any token" {
      return (place, startOfToken(source.scalar(at: place)))
    }
    if found.problem == "did not find expected key", source.scalar(at: place) == ":" {
      return (place, missingKey)
    }
    if let row = known.first(where: { found.problem.hasPrefix($0.problem) && found.context.contains($0.context) }) {
      let opening = found.contextPosition
      switch row.place {
      case .problem: return (place, ValueProblem(row.message, expected: row.expected))
      case .opening: return (opening, ValueProblem(row.message, expected: row.expected))
      case .both:
        let message = "\(row.message) (opened at line \(opening.line), column \(opening.column))"
        return (place, ValueProblem(message, expected: row.expected))
      }
    }
    let context = found.context.isEmpty ? "" : " \(found.context)"
    return (place, ValueProblem("not YAML: \(found.problem)\(context)"))
  }

  static let missingKey = ValueProblem("a key is missing before \":\"", expected: "the name of a setting")

  private static func startOfToken(_ scalar: Unicode.Scalar?) -> ValueProblem {
    guard let scalar else { return ValueProblem("a value cannot start here") }
    if scalar == "\t" {
      return ValueProblem("a tab stands where YAML needs spaces", expected: "indentation by spaces")
    }
    return ValueProblem(
      "a value cannot start with \(String(Character(scalar)).quoted)", expected: "quotes around the text")
  }

  /// Which of libyaml's two marks helps: where it gave up, where the construct began, or both.
  private enum Place {
    case problem, opening, both
  }

  private struct Row {
    let problem: String
    let context: String
    let message: String
    let expected: String?
    let place: Place

    init(_ problem: String, in context: String = "", _ message: String, expected: String?, at place: Place = .problem) {
      self.problem = problem
      self.context = context
      self.message = message
      self.expected = expected
      self.place = place
    }
  }

  private static let known: [Row] = [
    Row(
      "mapping values are not allowed", "a \":\" stands where no setting can begin",
      expected: "the indentation of the line above, or quotes around a text with \": \""),
    Row(
      "did not find expected key", in: "block mapping", "this line does not continue the settings above",
      expected: "\"key: value\" with the same indentation as its neighbours"),
    Row(
      "could not find expected ':'", "a line without \":\" stands among settings", expected: "key: value"),
    Row(
      "did not find expected '-' indicator", "this line does not continue the list above",
      expected: "\"- \" with the same indentation as its neighbours"),
    Row(
      "block sequence entries are not allowed", "a list cannot begin here",
      expected: "the first \"- \" on a line of its own"),
    Row(
      "did not find expected ',' or '}'", "the mapping is not closed", expected: "\",\" or \"}\"", at: .both),
    Row(
      "did not find expected ',' or ']'", "the list is not closed", expected: "\",\" or \"]\"", at: .both),
    Row(
      "found unexpected end of stream", in: "quoted scalar", "the quotes that open here are not closed",
      expected: "a closing quote", at: .opening),
    Row(
      "found unexpected document indicator", in: "quoted scalar", "the quotes that open here are not closed",
      expected: "a closing quote", at: .opening),
    Row(
      "found unknown escape character", "the escape after \"\\\" is unknown",
      expected: "\\\\ for a backslash, or single quotes, in which nothing is escaped"),
    Row(
      "found a tab character", "a tab stands where YAML needs spaces", expected: "indentation by spaces"),
    Row(
      "did not find expected alphabetic or numeric character", in: "alias", "a value cannot start with \"*\"",
      expected: "quotes around the text", at: .opening),
    Row(
      "did not find expected alphabetic or numeric character", in: "anchor", "a value cannot start with \"&\"",
      expected: "quotes around the text", at: .opening),
    Row("did not find expected <document start>", "the document has ended above", expected: "one document per file"),
    Row(
      "found incompatible YAML document", "this version of YAML is not known",
      expected: "%YAML 1.1 or 1.2, or no such line"),
    Row("found undefined tag handle", "tags are not supported", expected: "the value without a tag"),
    Row(
      "did not find expected node content", in: "flow node", "a value is missing, or a bracket above is not closed",
      expected: "a value, \"]\" or \"}\""),
    Row("did not find expected node content", "a value is missing", expected: "a value"),
  ]
}
