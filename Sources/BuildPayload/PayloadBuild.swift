// SPDX-License-Identifier: MIT

/// What a payload is made of.
struct PayloadRecipe {
    /// Of the files made: "purgatory".
    var name: String
    /// Below Payloads, and the name of its Swift module: "Purgatory".
    var folder: String
    /// What it shares with the loader, from Sources/Handoff.
    var contract: [String]
    /// Its own sources.
    var sources: [String]
    /// What payloads share, from Payloads/Support.
    var support: [String]
    /// What those share that put the machine back as firmware left it, from Payloads/Firmware.
    var firmware: [String] = []
    var assembly: [String]
    /// Whether it computes SHA-256 by the processor's extensions, in a unit that is compiled for them.
    var usesSHAExtensions = false

    static let purgatory = PayloadRecipe(
        name: "purgatory", folder: "Purgatory",
        contract: [
            "FastHash", "LastBlocks", "PurgatoryParameters", "SHA256", "SegmentDigest", "SerialPort", "TraceRecord",
        ],
        sources: ["Console", "Purgatory", "Screen", "VGAReset", "Verification"],
        support: ["HardwarePorts", "Reset"], assembly: ["entry", "exit"], usesSHAExtensions: true)

    static let realMode = PayloadRecipe(
        name: "real-mode", folder: "RealMode",
        contract: ["RealModeParameters", "SerialPort"] + firmwareContract, sources: ["RealMode"],
        support: ["HardwarePorts"], firmware: firmwareCare, assembly: ["entry"])

    /// What every payload takes that leaves the machine to firmware.
    static let firmwareContract = ["FirmwareState", "PCIConfiguration"]
    static let firmwareCare = [
        "ControllerState", "HardwareMachine", "InterruptRouting", "LegacyDevices", "MachineAccess", "PCICare",
    ]
}

/// The steps from the sources of a payload to its flat image.
struct PayloadBuild {
    let recipe: PayloadRecipe
    let toolchain: Toolchain
    /// Root of the package.
    let package: String
    /// A folder of this payload's own.
    let work: String

    init(_ recipe: PayloadRecipe, toolchain: Toolchain, package: String, work: String) {
        self.recipe = recipe
        self.toolchain = toolchain
        self.package = package
        self.work = work + "/" + recipe.name
        makeFolder(self.work)
    }

    var image: String { product("bin") }
    var elf: String { product("elf") }
    var map: String { product("map") }
    var disassembly: String { product("s") }

    private var payload: String { package + "/Payloads/" + recipe.folder }
    private var support: String { package + "/Payloads/Support" }
    private var firmware: String { package + "/Payloads/Firmware" }
    private static let target = "x86_64-unknown-none-elf"

    private func product(_ suffix: String) -> String { "\(work)/\(recipe.name).\(suffix)" }

    func build() {
        let swift =
            recipe.contract.map { package + "/Sources/Handoff/\($0).swift" }
            + recipe.sources.map { payload + "/\($0).swift" } + recipe.support.map { support + "/\($0).swift" }
            + recipe.firmware.map { firmware + "/\($0).swift" }
        // No vector register may be touched before CR4.OSFXSR is set.
        var commands = [compile(swift, module: recipe.folder, flags: ["-Xcc", "-mno-sse", "-Xcc", "-mno-mmx"])]
        var objects = recipe.assembly + ["memory", recipe.folder]
        if recipe.usesSHAExtensions {
            let flags = ["-Xcc", "-msha", "-Xcc", "-msse4.1"]
            commands.append(compile([support + "/SHAExtensions.swift"], module: "SHAExtensions", flags: flags))
            objects.append("SHAExtensions")
        }
        commands += recipe.assembly.map { assemble(payload + "/x86_64/\($0).S") }
        commands.append(assemble(support + "/x86_64/memory.S"))
        toolchain.runTogether(commands)
        link(objects.map { work + "/\($0).o" })
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
