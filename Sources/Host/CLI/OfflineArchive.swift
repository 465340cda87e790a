import ArgumentParser
import Configuration
import Logging
import PluginLoader
import TierAPI

/// An archive tier of a configuration, running without its broker. The data directory is locked meanwhile.
struct OfflineArchive {
  let archive: ArchiveExtension
  let name: String
  private let chain: TierChain
  private let pool: BlockingPool
  private let directory: DataDirectory

  /// Topics of which the archive holds something and which the catalogue in the data directory does not have.
  func unknownTopics() throws -> [UnknownTopic] {
    UnknownTopic.among(try archive.tier.heldPartitions() ?? [], known: try TopicCatalogue.knownIDs(in: directory.path))
  }

  /// Opens the tier called `wanted`, or the one that keeps an archive. Prints why not and exits with 1.
  static func open(_ config: String?, dataDirectory: String?, tier wanted: String?) throws -> OfflineArchive {
    let checked = try LoadedChain.load(config, CommandLineOverrides(dataDirectory: dataDirectory))
    let settings = checked.loaded.configuration
    do {
      let index = try choose(checked.chain, wanted)
      try DataDirectory.expectUsed(settings.dataDirectory)
      let directory = try DataDirectory(
        path: settings.dataDirectory, nodeID: settings.nodeID, clusterID: settings.clusterID)
      let pool = BlockingPool(threads: 4)
      let chain = try TierChain(
        checked.chain, plugins: checked.plugins, dataDirectory: settings.dataDirectory,
        logger: LogOutput.logger(settings.log.format, level: LogLevelSwitch(settings.log.level)), blockingPool: pool,
        only: index)
      try chain.start()
      guard let tier = chain.tiers.first, let archive = ArchiveExtension(tier) else {
        throw CommandFailure("\(checked.chain.tiers[index].instanceName) keeps no archive that could be looked after")
      }
      return OfflineArchive(archive: archive, name: tier.name, chain: chain, pool: pool, directory: directory)
    } catch DataDirectory.Failure.inUse(let path, let process) {
      let broker = process.map { "the broker with process id \($0)" } ?? "a broker"
      Terminal.complain(
        "chronik: \(broker) is using \(path); stop it first, because two writers would damage the index")
      throw ExitCode.failure
    } catch {
      Terminal.complain("chronik: \(error)")
      throw ExitCode.failure
    }
  }

  func close() {
    chain.stop()
    pool.stop()
    directory.unlock()
  }

  /// The tier by name, or the first that imports into a store.
  private static func choose(_ chain: ResolvedChain, _ wanted: String?) throws -> Int {
    let names = chain.tiers.map(\.instanceName)
    if let wanted {
      guard let index = names.firstIndex(of: wanted) else {
        throw CommandFailure("the chain has no tier \(wanted); it has \(names.joined(separator: ", "))")
      }
      return index
    }
    let archives = chain.tiers.indices.filter { chain.tiers[$0].descriptor.abilities.contains([.import, .store]) }
    guard let first = archives.first else {
      throw CommandFailure("the chain has no archive: no tier imports segments into an object store")
    }
    guard archives.count == 1 else {
      throw CommandFailure(
        "the chain has several archives; choose one with --tier: \(archives.map { names[$0] }.joined(separator: ", "))")
    }
    return first
  }
}

/// A sentence for the user.
struct CommandFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
