import Glibc
import PluginLoader
import TierAPI

/// The other process of the rules about crashes and fencing: it appends, says so, and waits to be killed.
enum KilledWriter {
  static func batches(seed: UInt64) -> [ContractBatch] {
    var factory = BatchFactory(seed: seed)
    return factory.run(from: 0, count: 25, valueByteCountMax: 4_000)
  }

  static func arguments(_ context: RuleContext, flushes: Bool) -> [String] {
    var words = [
      "--writer", context.library.path, "--product", context.library.descriptor.id, "--seed", "\(context.seed)",
      "--scratch", context.directory,
    ]
    if flushes { words.append("--flush") }
    for (key, value) in context.settings { words += ["--setting", "\(key)=\(value)"] }
    return words
  }

  /// The body of that process. Prints "ready", or the reason why it is not.
  static func run(_ options: ContractOptions, print: (String) -> Void) -> Int32 {
    do throws(RuleEnd) {
      let library: ContractLibrary
      do throws(PluginError) {
        library = try ContractLibrary(path: options.libraryPath, product: options.product)
      } catch {
        throw .broken(error.description)
      }
      let tier = try ProbeTier(library, directory: options.scratchDirectory ?? "", settings: options.settings)
      try tier.start()
      let partition = try tier.open(at: 0)
      for batch in batches(seed: options.seed) { try partition.append([batch]) }
      if options.flushes { _ = try tier.flush([partition]) }
    } catch {
      print("failed \(escape("\(error)"))")
      return 1
    }
    print("ready")
    var byte: UInt8 = 0
    while read(0, &byte, 1) > 0 {}
    _exit(0)
  }
}

extension RuleContext {
  /// A process that appended (and flushed) `KilledWriter.batches` to the default partition in this rule's directory.
  func startWriter(flushes: Bool) throws(RuleEnd) -> ChildProcess {
    guard let child = ChildProcess(respawn, KilledWriter.arguments(self, flushes: flushes)) else {
      throw .notApplicable("another process could not be started")
    }
    switch child.nextLine(milliseconds: -1) {
    case .text("ready"): return child
    case .text(let line): throw .broken("in another process: \(unescape(line))")
    case .ended, .timedOut: throw .broken("in another process, the tier \(child.end?.text ?? "gave no answer")")
    }
  }
}

/// One line of text without line breaks.
func escape(_ text: String) -> String {
  var result = ""
  for character in text.unicodeScalars {
    switch character {
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    default: result.unicodeScalars.append(character)
    }
  }
  return result
}

func unescape(_ text: String) -> String {
  var result = ""
  var isEscaped = false
  for character in text.unicodeScalars {
    if isEscaped {
      result.unicodeScalars.append(character == "n" ? "\n" : character == "r" ? "\r" : character)
      isEscaped = false
    } else if character == "\\" {
      isEscaped = true
    } else {
      result.unicodeScalars.append(character)
    }
  }
  return result
}
