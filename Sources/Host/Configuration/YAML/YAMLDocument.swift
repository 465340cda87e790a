/// One YAML document as a tree of nodes with positions.
///
/// A subset on purpose: one document, distinct keys that are scalars, no anchors, no aliases, no tags, bounded depth.
/// What is left has one meaning only, and no small file can become a large tree.
public struct YAMLDocument: Sendable {
  public let source: SourceText
  /// Nil when the file has no content.
  public let root: YAMLNode?
  /// What was refused without making the rest unreadable: duplicate keys, anchors, aliases, tags, further documents.
  public let diagnostics: [ConfigurationDiagnostic]

  /// Throws when the text cannot be read to its end; the error then also has what was found before.
  public init(source: SourceText) throws(ConfigurationError) {
    var composer = YAMLComposer(source: source)
    self.source = source
    do throws(YAMLFailure) {
      root = try composer.compose()
    } catch {
      switch error {
      case .syntax(let problem): composer.report(YAMLProblem.explain(problem, in: source))
      case .depth(let position):
        let bound = ConfigurationLimits.nestingDepthMax
        composer.report(
          (position, ValueProblem("nested deeper than \(bound) levels", expected: "a configuration of a few levels")))
      }
      _ = try composer.collector.finish(source: source)
      preconditionFailure("a failure was reported")
    }
    diagnostics = composer.collector.errors
  }

  /// Reads and requires that nothing was refused.
  public static func parse(file: String, bytes: [UInt8]) throws(ConfigurationError) -> YAMLDocument {
    let document = try YAMLDocument(source: SourceText(file: file, bytes: bytes))
    var collector = DiagnosticCollector()
    collector.report(document.diagnostics)
    _ = try collector.finish(source: document.source)
    return document
  }
}

/// What makes the rest of a text unreadable.
enum YAMLFailure: Error {
  case syntax(YAMLSyntaxProblem)
  case depth(SourcePosition)
}

/// Builds the tree from events.
private struct YAMLComposer: ~Copyable {
  let source: SourceText
  var collector = DiagnosticCollector()
  private var parser: YAMLEventParser

  init(source: SourceText) {
    self.source = source
    parser = YAMLEventParser(bytes: source.bytes)
  }

  mutating func report(_ finding: (position: SourcePosition, problem: ValueProblem)) {
    let (position, problem) = finding
    collector.report(
      ConfigurationDiagnostic(
        file: source.file, line: position.line, column: position.column, message: problem.message,
        expected: problem.expected, suggestion: problem.suggestion))
  }

  private mutating func next() throws(YAMLFailure) -> YAMLEvent {
    do throws(YAMLSyntaxProblem) {
      return try parser.next()
    } catch {
      throw .syntax(error)
    }
  }

  mutating func compose() throws(YAMLFailure) -> YAMLNode? {
    var root: YAMLNode?
    var documents = 0
    while true {
      let event = try next()
      switch event.kind {
      case .streamEnd: return root
      case .documentStart where documents == 0:
        documents = 1
        root = try node(try next(), depth: 1)
      case .documentStart:
        report((event.position, ValueProblem("a second document begins here", expected: "one document per file")))
        return root
      default: break
      }
    }
  }

  private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLFailure) -> YAMLNode {
    guard depth <= ConfigurationLimits.nestingDepthMax else { throw .depth(event.position) }
    if let anchor = event.anchor {
      report(
        (
          event.position,
          ValueProblem("the anchor \("&\(anchor)".quoted) is not supported", expected: "the value itself")
        ))
    }
    if let tag = event.tag {
      report(
        (
          event.position,
          ValueProblem("the tag \(Self.short(tag).quoted) is not supported", expected: "the value without a tag")
        ))
    }
    let content: YAMLNode.Content
    switch event.kind {
    case .alias(let name):
      report(
        (
          event.position,
          ValueProblem("the alias \("*\(name)".quoted) is not supported", expected: "the value itself, written out")
        ))
      content = .refused
    case .scalar(let text, let style):
      content = text.utf8.contains(0) ? .refused : .scalar(text, style)
      if case .refused = content {
        report((event.position, ValueProblem("the text contains a NUL character", expected: "text without \\0")))
      }
    case .sequenceStart: content = try sequence(depth: depth)
    case .mappingStart: content = try mapping(depth: depth)
    case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
      preconditionFailure("libyaml ended a collection that was not open")
    }
    return YAMLNode(content: content, position: event.position)
  }

  private mutating func sequence(depth: Int) throws(YAMLFailure) -> YAMLNode.Content {
    var items: [YAMLNode] = []
    while true {
      let event = try next()
      if case .sequenceEnd = event.kind { return .sequence(items) }
      items.append(try node(event, depth: depth + 1))
    }
  }

  private mutating func mapping(depth: Int) throws(YAMLFailure) -> YAMLNode.Content {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try next()
      if case .mappingEnd = event.kind { return .mapping(entries) }
      let key = try node(event, depth: depth + 1)
      let value = try node(try next(), depth: depth + 1)
      guard case .scalar(let name, _) = key.content else {
        if case .refused = key.content { continue }
        report(
          (key.position, ValueProblem("\(key.foundDescription) cannot be a key", expected: "the name of a setting")))
        continue
      }
      if key.isNull {
        report((key.position, YAMLProblem.missingKey))
      } else if name == "<<" {
        report(
          (key.position, ValueProblem("the merge key \"<<\" is not supported", expected: "the settings themselves")))
      } else if let line = lines[name] {
        report((key.position, ValueProblem("\(name.quoted) is already set on line \(line)", expected: "each key once")))
      } else {
        lines[name] = key.position.line
        entries.append(YAMLNode.Entry(key: name, keyPosition: key.position, value: value))
      }
    }
  }

  /// "!!str" for the long form that libyaml reports.
  private static func short(_ tag: String) -> String {
    let standard = "tag:yaml.org,2002:"
    return tag.hasPrefix(standard) ? "!!" + tag.dropFirst(standard.count) : tag
  }
}
