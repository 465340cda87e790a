// swift-tools-version: 6.2
import PackageDescription

// Coverage-guided fuzzing of everything that reads bytes from a socket before anybody was asked who sends them.
// `make fuzz` in the directory above builds and runs it; README.md here explains.
//
// A package of its own, because the sources under test have to be compiled with the sanitizers and the fuzz targets have
// no `main`: libFuzzer brings it. Sources/KafkaRecords, KafkaProtocol and the C modules are links to the real ones;
// HostParts has links to the files of the host that decide without sockets and disks.

/// libFuzzer without its `main`: SwiftPM gives every executable one. The Makefile knows where clang keeps it.
let fuzzerRuntime = Context.environment["FUZZER_RUNTIME"] ?? "libclang_rt.fuzzer_no_main-x86_64.a"
/// The assertions' texts are wanted in the report, though the code is optimised.
let instrumented: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer,address", "-assert-config", "Debug"])]

func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + ["LibFuzzer"], swiftSettings: instrumented,
    linkerSettings: [.unsafeFlags(["-sanitize=address", "-Xlinker", fuzzerRuntime, "-lstdc++"])])
}

let package = Package(
  name: "chronik-fuzz",
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
    .systemLibrary(name: "CLz4", pkgConfig: "liblz4"),
    .systemLibrary(name: "CSnappy", pkgConfig: "snappy"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .target(name: "CCRC32C"),
    .target(name: "LibFuzzer"),
    .target(
      name: "KafkaRecords", dependencies: ["CCRC32C", "CZstd", "CLz4", "CSnappy", "CZlib"], swiftSettings: instrumented),
    .target(name: "KafkaProtocol", dependencies: ["KafkaRecords"], swiftSettings: instrumented),
    .target(
      name: "HostParts", dependencies: ["KafkaProtocol", "KafkaRecords"],
      swiftSettings: instrumented + [.unsafeFlags(["-enable-testing"])]),
    fuzzer("FuzzRequests", ["KafkaProtocol"]),
    fuzzer("FuzzBatches", ["KafkaRecords"]),
    fuzzer("FuzzCodecs", ["KafkaRecords"]),
    fuzzer("FuzzAppends", ["HostParts"]),
    fuzzer("FuzzGroups", ["HostParts"]),
  ]
)
