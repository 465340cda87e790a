// swift-tools-version: 6.2
import PackageDescription

// The dependency rule (README, "Reading the source"): TierAPI <- TierKit <- plugins; KafkaRecords <- KafkaProtocol <- Host.
// No plugin sees another plugin or the host; nothing depends on Host but the executable and its tests.

// The data path copies state into locals; the check for overlapping access costs where it cannot.
let fast: [SwiftSetting] = [
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

// A plugin exports its entry only. An absolute path, because the linker may run anywhere.
let exportsEntry: [LinkerSetting] = [
  .unsafeFlags(
    ["-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map"], .when(platforms: [.linux]))
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
]

let package = Package(
  name: "chronik",
  products: [
    .executable(name: "chronik", targets: ["chronik"]),
    .library(name: "MemoryBuffer", type: .dynamic, targets: ["MemoryBuffer"]),
    .library(name: "LocalSegments", type: .dynamic, targets: ["LocalSegments"]),
    .library(name: "ArchiveIndex", type: .dynamic, targets: ["ArchiveIndex"]),
    .library(name: "Compaction", type: .dynamic, targets: ["Compaction"]),
    .library(name: "ExampleTier", type: .dynamic, targets: ["ExampleTier"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    // Only HummingbirdCore: connections, limits, graceful ends. The routes are a table of our own.
    .package(
      url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1", traits: ["ConfigurationSupport"]),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
  ],
  targets: [
    // System libraries
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .systemLibrary(name: "CLz4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
    .systemLibrary(name: "CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"]), .brew(["snappy"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"]), .brew(["curl"])]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"]), .brew(["expat"])]),

    // Header only: what Swift's Glibc module does not show
    .target(name: "CHostSupport"),
    .target(name: "CThreadPriority"),

    // The border
    .target(name: "TierAPI"),
    .target(name: "TierKit", dependencies: ["TierAPI", "CThreadPriority"]),

    // Pure
    .target(name: "CCRC32C"),
    .target(
      name: "KafkaRecords", dependencies: ["CCRC32C", "CZstd", "CLz4", "CSnappy", "CZlib"], swiftSettings: fast),
    .target(name: "KafkaProtocol", dependencies: ["KafkaRecords"], swiftSettings: fast),

    // The host
    .target(name: "Configuration", dependencies: ["CYaml"], path: "Sources/Host/Configuration"),
    .target(name: "PluginLoader", dependencies: ["TierAPI", "CLibCrypto"], path: "Sources/Host/PluginLoader"),
    .target(
      name: "TierContract", dependencies: ["PluginLoader", "KafkaRecords", "TierAPI"], path: "Sources/Host/TierContract"),
    .target(
      name: "Host",
      dependencies: nio + [
        "Configuration", "PluginLoader", "TierContract", "KafkaProtocol", "KafkaRecords", "TierAPI", "CHostSupport",
        "CThreadPriority", "CCurl",
        // HummingbirdCore is built with swift-configuration, whose module has the same name as ours.
        .product(
          name: "HummingbirdCore", package: "hummingbird", moduleAliases: ["Configuration": "SwiftConfiguration"]),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["Configuration", "PluginLoader", "TierContract"], swiftSettings: fast),
    // Reads the files of LocalSegments for people; the host itself knows no storage format.
    .target(
      name: "LogTools",
      dependencies: ["SegmentFormat", "KafkaRecords", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    .executableTarget(
      name: "chronik",
      dependencies: ["Host", "LogTools", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

    // Plugins: the logic is a target of its own, tested without dlopen; the other one only exports the entry.
    .target(
      name: "MemoryBufferCore", dependencies: ["TierKit"], path: "Plugins/MemoryBuffer/Core", swiftSettings: fast),
    .target(
      name: "MemoryBuffer", dependencies: ["MemoryBufferCore"], path: "Plugins/MemoryBuffer/Export",
      linkerSettings: exportsEntry),
    .target(name: "CFileSystem", path: "Plugins/LocalSegments/CFileSystem"),
    .target(
      name: "SegmentFormat", dependencies: ["KafkaRecords"], path: "Plugins/LocalSegments/Format", swiftSettings: fast),
    .target(
      name: "LocalSegmentsCore", dependencies: ["TierKit", "TierAPI", "KafkaRecords", "SegmentFormat", "CFileSystem"],
      path: "Plugins/LocalSegments/Core", swiftSettings: fast),
    .target(
      name: "LocalSegments", dependencies: ["LocalSegmentsCore"], path: "Plugins/LocalSegments/Export",
      linkerSettings: exportsEntry),
    .target(
      name: "CompactionCore", dependencies: ["TierKit", "TierAPI", "KafkaRecords"], path: "Plugins/Compaction/Core",
      swiftSettings: fast),
    .target(
      name: "Compaction", dependencies: ["CompactionCore"], path: "Plugins/Compaction/Export",
      linkerSettings: exportsEntry),
    // The archive object: what the archive tier will write, read and search.
    .target(
      name: "ArchiveFormat", dependencies: ["KafkaRecords", "CZstd", "CCRC32C"], path: "Plugins/ArchiveIndex/Format",
      swiftSettings: fast),
    // The object stores `file` and `s3`.
    .target(
      name: "ObjectStores", dependencies: ["TierAPI", "TierKit", "CCRC32C", "CCurl", "CExpat", "CLibCrypto"],
      path: "Plugins/ArchiveIndex/Stores"),
    .target(
      name: "ArchiveIndexCore", dependencies: ["TierKit", "TierAPI", "KafkaRecords", "ArchiveFormat", "ArchiveSearch"],
      path: "Plugins/ArchiveIndex/Core", swiftSettings: fast),
    .target(
      name: "ArchiveIndex", dependencies: ["ArchiveIndexCore", "ObjectStores"], path: "Plugins/ArchiveIndex/Export",
      linkerSettings: exportsEntry),
    // Search over many objects and over what is in none.
    .target(
      name: "ArchiveSearch", dependencies: ["ArchiveFormat", "KafkaRecords", "TierKit", "TierAPI"],
      path: "Plugins/ArchiveIndex/Search", swiftSettings: fast),
    .target(
      name: "ExampleTier", dependencies: ["TierKit", "KafkaRecords"], path: "Examples/swift-tier",
      linkerSettings: exportsEntry),

    // Benchmarks: `make bench-log`
    .executableTarget(
      name: "bench-log", dependencies: ["LocalSegmentsCore", "KafkaRecords", "TierAPI", "TierKit"],
      path: "Benchmarks/LogBench", swiftSettings: fast),

    .executableTarget(
      name: "bench-archive", dependencies: ["ArchiveFormat", "KafkaRecords"], path: "Benchmarks/ArchiveBench",
      exclude: ["tantivy_peer.py"], swiftSettings: fast),

    // Tests
    .testTarget(name: "KafkaRecordsTests", dependencies: ["KafkaRecords", "CCRC32C"], exclude: ["Fixtures"]),
    .testTarget(name: "KafkaProtocolTests", dependencies: ["KafkaProtocol"]),
    .testTarget(
      name: "LocalSegmentsTests",
      dependencies: ["LocalSegmentsCore", "SegmentFormat", "KafkaRecords", "TierAPI", "TierKit"]),
    .testTarget(name: "CompactionTests", dependencies: ["CompactionCore", "TierKit", "TierAPI", "KafkaRecords"]),
    .testTarget(
      name: "ArchiveFormatTests", dependencies: ["ArchiveFormat", "KafkaRecords"],
      exclude: ["reader.py", "reader_records.py", "Fixtures"]),
    .testTarget(
      name: "ObjectStoresTests", dependencies: ["ObjectStores", "TierAPI", "TierKit", "CLibCrypto"],
      exclude: ["fault_proxy.py"]),
    .testTarget(
      name: "ArchiveIndexTests",
      dependencies: ["ArchiveIndexCore", "ArchiveFormat", "KafkaRecords", "TierAPI", "TierKit"]),
    .testTarget(
      name: "ArchiveSearchTests", dependencies: ["ArchiveSearch", "ArchiveFormat", "KafkaRecords", "TierAPI", "TierKit"]),
    .testTarget(name: "LogToolsTests", dependencies: ["SegmentFormat", "KafkaRecords"]),
    .testTarget(name: "TierAPITests", dependencies: ["TierAPI"], exclude: ["Fixtures"]),
    .testTarget(name: "MemoryBufferTests", dependencies: ["MemoryBufferCore", "TierAPI", "TierKit"]),
    // The contract command as a program of its own, which the tests of the suite start.
    .executableTarget(name: "TierCheck", dependencies: ["TierContract"], path: "Tests/TierCheck"),
    .testTarget(name: "TierContractTests", dependencies: ["TierContract", "TierCheck"], exclude: ["Fixtures"]),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"]),
    .testTarget(
      name: "HostTests",
      dependencies: [
        "Host", "Configuration", "PluginLoader", "KafkaProtocol", "KafkaRecords", "TierAPI", "TierKit",
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
      ]),
  ]
)
