import CExpat

/// A small XML document, parsed by expat within bounds: no document type (and so no entities of its own), limited depth
/// and text. The caller bounds the document's bytes.
final class XMLElement {
  let name: String
  private(set) var text = ""
  private(set) var children: [XMLElement] = []

  private init(_ name: String) { self.name = name }

  func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
  func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
  /// The text of the first child of this name.
  func text(_ name: String) -> String? { first(name)?.text }

  /// Nil for anything that is not one whole document within the bounds.
  static func parse(_ bytes: [UInt8]) -> XMLElement? {
    guard let parser = XML_ParserCreate("UTF-8") else { return nil }
    defer { XML_ParserFree(parser) }
    let builder = Builder(parser)
    return withExtendedLifetime(builder) {
      XML_SetUserData(parser, Unmanaged.passUnretained(builder).toOpaque())
      XML_SetElementHandler(
        parser, { context, name, _ in Builder.from(context).begin(String(cString: name!)) },
        { context, _ in Builder.from(context).end() })
      XML_SetCharacterDataHandler(parser) { Builder.from($0).add($1, Int($2)) }
      XML_SetStartDoctypeDeclHandler(parser) { context, _, _, _, _ in Builder.from(context).refuse() }
      let status = bytes.withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { XML_Parse(parser, $0.baseAddress, Int32($0.count), 1) }
      }
      return status == XML_STATUS_OK ? builder.root : nil
    }
  }

  private final class Builder {
    private let parser: XML_Parser
    private var open: [XMLElement] = []
    private var textByteCount = 0
    var root: XMLElement?

    init(_ parser: XML_Parser) { self.parser = parser }

    func begin(_ name: String) {
      guard open.count < StoreLimits.xmlDepthMax else { return refuse() }
      let element = XMLElement(String(name.split(separator: ":").last ?? ""))
      if let parent = open.last { parent.children.append(element) } else { root = element }
      open.append(element)
      textByteCount = 0
    }

    func end() { _ = open.popLast() }

    func add(_ bytes: UnsafePointer<CChar>?, _ count: Int) {
      textByteCount += count
      guard textByteCount <= StoreLimits.xmlTextByteCountMax else { return refuse() }
      open.last?.text += String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func refuse() { XML_StopParser(parser, XML_Bool(0)) }

    static func from(_ context: UnsafeMutableRawPointer?) -> Builder {
      Unmanaged<Builder>.fromOpaque(context!).takeUnretainedValue()
    }
  }
}
