// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT
import Foundation
import PackageDescription

/// The codec libraries are optional: a build uses those whose headers it finds, and says so when asked for another.
let codecs: [(target: String, header: String, define: String)] = [
    ("CZlib", "zlib.h", "CODEC_ZLIB"), ("CLZMA", "lzma.h", "CODEC_LZMA"), ("CZstd", "zstd.h", "CODEC_ZSTD"),
    ("CBzip2", "bzlib.h", "CODEC_BZIP2"),
]
let available = codecs.filter { codec in
    ["/usr/include", "/usr/local/include"].contains { FileManager.default.fileExists(atPath: "\($0)/\(codec.header)") }
}

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"), .strictMemorySafety(), .treatAllWarnings(as: .error),
    // Only what lends a span out of an owner (MappedFile) needs it.
    .enableExperimentalFeature("Lifetimes"),
]
/// Development tools and tests are ordinary Swift.
let relaxed: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny"), .treatAllWarnings(as: .error)]

extension Target {
    /// The Swift of a folder of Payloads, which sees all of `modules`: in a payload's own build all of it is one module.
    static func payload(_ folder: String, seeing modules: [String] = [], exclude: [String] = []) -> Target {
        let seen = modules.flatMap { ["-Xfrontend", "-testable-import-module", "-Xfrontend", $0] }
        return .target(
            name: folder + "Logic", dependencies: ["Handoff", "Hardware"] + modules.map { .byName(name: $0) },
            path: "Payloads/" + folder, exclude: exclude,
            swiftSettings: strict + [
                .unsafeFlags(["-enable-testing", "-Xfrontend", "-import-module", "-Xfrontend", "Handoff"] + seen)
            ])
    }
}

let package = Package(
    name: "swift-kexec",
    products: [
        .library(name: "Kexec", targets: ["Kexec"]),
        .library(name: "BootFormats", targets: ["BootFormats"]),
        .executable(name: "kexec", targets: ["kexec"]),
        .executable(name: "mkelfimage", targets: ["mkelfimage"]),
    ],
    targets: [
        .target(name: "PhysicalMemory", swiftSettings: strict),
        .target(name: "BootFormats", dependencies: ["PhysicalMemory"], swiftSettings: strict),
        .target(name: "Handoff", dependencies: ["PhysicalMemory"], swiftSettings: strict),
        .systemLibrary(name: "CLinux"),
        .executableTarget(name: "BuildPayload", swiftSettings: relaxed),
        .plugin(name: "BuildPayloads", capability: .buildTool(), dependencies: ["BuildPayload"]),
        .target(name: "PayloadImages", swiftSettings: strict, plugins: ["BuildPayloads"]),
        .target(
            name: "Kexec",
            dependencies: ["PhysicalMemory", "BootFormats", "Handoff", "CLinux", "PayloadImages"]
                + available.map { .target(name: $0.target) },
            swiftSettings: strict + available.map { .define($0.define) }),
        .target(
            name: "BootableELF", dependencies: ["PhysicalMemory", "BootFormats", "Handoff", "PayloadImages"],
            swiftSettings: strict),
        .target(
            name: "KexecCommand",
            dependencies: ["PhysicalMemory", "BootFormats", "BootableELF", "Handoff", "Kexec", "CLinux"],
            swiftSettings: strict),
        .executableTarget(name: "kexec", dependencies: ["KexecCommand"], swiftSettings: strict),
        // A single file would be taken for a script, whose first function the compiler makes.
        .executableTarget(
            name: "mkelfimage", dependencies: ["KexecCommand"],
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "kexec-lab",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ], swiftSettings: relaxed),
        .testTarget(name: "PhysicalMemoryTests", dependencies: ["PhysicalMemory"], swiftSettings: relaxed),
        // What holds of every image that is accepted: for the tests and for fuzzing.
        .target(
            name: "ImagePromises", dependencies: ["BootFormats", "PhysicalMemory"], path: "Tests/ImagePromises",
            swiftSettings: relaxed),
        .testTarget(
            name: "BootFormatsTests", dependencies: ["BootFormats", "ImagePromises"], swiftSettings: relaxed),
        .testTarget(name: "HandoffTests", dependencies: ["BootFormats", "Handoff"], swiftSettings: relaxed),
        .testTarget(
            name: "PayloadTests", dependencies: ["PayloadImages", "Handoff", "BootFormats"], swiftSettings: relaxed,
            plugins: ["BuildPayloads"]),
        .testTarget(
            name: "KexecTests", dependencies: ["PhysicalMemory", "BootFormats", "Handoff", "Kexec", "PayloadImages"],
            swiftSettings: relaxed),
        .testTarget(
            name: "KexecCommandTests",
            dependencies: ["PhysicalMemory", "BootFormats", "Handoff", "Kexec", "KexecCommand"], swiftSettings: relaxed),
        // The trampoline's Swift, but for what only runs on bare metal.
        .target(
            name: "TrampolineLogic", path: "Payloads/Trampoline",
            exclude: ["Console.swift", "Trampoline.swift", "i686", "include", "linker.ld"], swiftSettings: strict),
        .testTarget(name: "TrampolineTests", dependencies: ["TrampolineLogic"], swiftSettings: relaxed),
        // Payloads' Swift for unit tests, which define the processor's instructions and the assembly.
        .systemLibrary(name: "Hardware", path: "Tests/FakeHardware"),
        .payload("Support", exclude: ["SHAExtensions.swift", "i686", "include", "x86_64"]),
        .payload("Firmware", seeing: ["SupportLogic"], exclude: ["include", "x86_64"]),
        .payload("Standalone", seeing: ["SupportLogic"], exclude: ["include", "linker.ld", "x86_64"]),
        .payload("Purgatory", seeing: ["SupportLogic"], exclude: ["include", "linker.ld", "x86_64"]),
        .payload("KexecTest", seeing: ["SupportLogic", "FirmwareLogic", "StandaloneLogic"]),
        .testTarget(
            name: "PayloadLogicTests", dependencies: ["FirmwareLogic", "Handoff", "StandaloneLogic"],
            swiftSettings: relaxed),
        .testTarget(
            name: "BareMetalTests",
            dependencies: [
                "SupportLogic", "FirmwareLogic", "StandaloneLogic", "PurgatoryLogic", "KexecTestLogic", "Handoff",
            ], swiftSettings: relaxed),
        .testTarget(
            name: "BootableELFTests",
            dependencies: [
                "PhysicalMemory", "BootFormats", "BootableELF", "Handoff", "ImagePromises", "PayloadImages",
            ],
            swiftSettings: relaxed),
        // The kernel module's Swift, which is compiled for the kernel by scripts/compile-module-core.sh: here with a mock of
        // Linux.
        .systemLibrary(name: "LinuxGlue", path: "KernelModule/include"),
        .target(
            name: "ModuleCore", dependencies: ["PhysicalMemory", "Handoff", "LinuxGlue"], path: "KernelModule/Core",
            swiftSettings: strict),
        .testTarget(
            name: "ModuleCoreTests", dependencies: ["ModuleCore", "PhysicalMemory", "Handoff"], swiftSettings: relaxed),
        // The fuzz targets, each with the inputs that are kept for it.
        .testTarget(
            name: "CorpusTests",
            dependencies: ["PhysicalMemory", "BootFormats", "Handoff", "ImagePromises", "Kexec", "KexecCommand"],
            path: "Fuzz", exclude: ["Corpus", "README.md", "Support.swift", "WriteSeeds.swift"],
            swiftSettings: relaxed),
        .testTarget(name: "KexecLabTests", dependencies: ["kexec-lab"], swiftSettings: relaxed),
    ] + available.map { .systemLibrary(name: $0.target) },
    swiftLanguageModes: [.v6])

package.dependencies = [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
]
