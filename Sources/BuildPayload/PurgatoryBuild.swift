// SPDX-License-Identifier: MIT

/// The steps from the sources of purgatory to its flat image.
struct PurgatoryBuild {
    let toolchain: Toolchain
    /// Root of the package.
    let package: String
    let work: String

    var image: String { work + "/purgatory.bin" }
    var elf: String { work + "/purgatory.elf" }
    var map: String { work + "/purgatory.map" }
    var disassembly: String { work + "/purgatory.s" }

    private var payload: String { package + "/Payloads/Purgatory" }
    private var support: String { package + "/Payloads/Support" }

    /// What the payload shares with the loader.
    private static let contract = [
        "FastHash", "LastBlocks", "PurgatoryParameters", "SHA256", "SegmentDigest", "SerialPort", "TraceRecord",
    ]
    private static let sources = ["Console", "Purgatory", "Screen", "VGAReset", "Verification"]
    private static let supportSources = ["HardwarePorts", "Reset"]
    private static let target = "x86_64-unknown-none-elf"

    func build() {
        let swift =
            Self.contract.map { package + "/Sources/Handoff/\($0).swift" }
            + Self.sources.map { payload + "/\($0).swift" } + Self.supportSources.map { support + "/\($0).swift" }
        toolchain.runTogether([
            // No vector register may be touched before CR4.OSFXSR is set.
            compile(
                swift, module: "Purgatory", flags: ["-Xcc", "-mno-sse", "-Xcc", "-mno-mmx"]),
            compile(
                [support + "/SHAExtensions.swift"], module: "SHAExtensions",
                flags: ["-Xcc", "-msha", "-Xcc", "-msse4.1"]),
            assemble(payload + "/x86_64/entry.S"), assemble(payload + "/x86_64/exit.S"),
            assemble(support + "/x86_64/memory.S"),
        ])
        link(["entry", "exit", "memory", "Purgatory", "SHAExtensions"].map { work + "/\($0).o" })
        toolchain.run(["llvm-objcopy", "-O", "binary", "-R", ".dynamic", "-R", ".rela.dyn", elf, image])
        let listing = ["llvm-objdump", "--disassemble-all", "--section=.text", "--no-show-raw-insn", elf]
        toolchain.run(listing, output: disassembly)
    }

    private func compile(_ sources: [String], module: String, flags: [String]) -> [String] {
        [
            "swiftc", "-target", Self.target, "-swift-version", "6", "-wmo", "-parse-as-library", "-Osize",
            "-module-name", module, "-package-name", "swift-kexec", "-warnings-as-errors", "-strict-memory-safety",
            "-enable-experimental-feature", "Embedded", "-enable-experimental-feature", "Lifetimes",
            // A check at compile time that nothing needs a heap.
            "-no-allocations",
            "-Xfrontend", "-disable-stack-protector", "-Xfrontend", "-function-sections",
            // One optimisation over all objects: 700 bytes smaller.
            "-lto=llvm-full",
            "-Xcc", "-ffreestanding", "-Xcc", "-mno-red-zone", "-Xcc", "-fomit-frame-pointer",
            "-I", support + "/include", "-I", payload + "/include",
            "-module-cache-path", work + "/module-cache", "-file-prefix-map", package + "=.",
        ] + flags + ["-c"] + sources + ["-o", work + "/\(module).o"]
    }

    private func assemble(_ source: String) -> [String] {
        let name = lastComponent(of: source)
        let object = work + "/" + name.prefix(while: { $0 != "." }) + ".o"
        return ["clang", "--target=" + Self.target, "-I", payload + "/include", "-c", source, "-o", object]
    }

    private func link(_ objects: [String]) {
        toolchain.run(
            [
                "ld.lld", "-pie", "--no-dynamic-linker", "-z", "text", "-z", "norelro", "--gc-sections", "--icf=all",
                "--build-id=none", "--no-undefined", "--fatal-warnings", "-T", payload + "/linker.ld", "-Map", map,
                "-o", elf,
            ] + objects)
    }
}
