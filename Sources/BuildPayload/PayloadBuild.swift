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
    /// Of a payload that is a kernel image of its own (Payloads/Standalone), what its header says that it is.
    var version: String?
    /// Whether it computes SHA-256 by the processor's extensions, in a unit that is compiled for them.
    var usesSHAExtensions = false
    var processor = PayloadProcessor.x86_64

    /// "kexecTest" for "kexec_test", "realMode" for "real-mode": what constants made from it begin with.
    var constantName: String {
        let words = name.split { $0 == "-" || $0 == "_" }
        return words.dropFirst().reduce(String(words[0])) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }

    static let purgatory = PayloadRecipe(
        name: "purgatory", folder: "Purgatory",
        contract: [
            "FastHash", "LastBlocks", "PurgatoryParameters", "SHA256", "SegmentDigest", "SerialPort", "TraceRecord",
            "X2APICMode",
        ],
        sources: ["Console", "Purgatory", "VGAReset", "Verification"],
        support: ["HardwarePorts", "HardwareProcessor", "Reset", "Screen", "TextSink"], assembly: ["entry", "exit"],
        usesSHAExtensions: true)

    static let realMode = PayloadRecipe(
        name: "real-mode", folder: "RealMode",
        contract: ["RealModeParameters", "SerialPort"] + firmwareContract, sources: ["RealMode"],
        support: ["HardwarePorts", "HardwareProcessor"], firmware: firmwareCare, assembly: ["entry"])

    /// What every payload takes that leaves the machine to firmware.
    static let firmwareContract = ["FirmwareState", "PCIConfiguration", "X2APICMode"]
    static let firmwareCare = [
        "AHCIPorts", "ControllerState", "HardwareMachine", "InterruptRouting", "LegacyDevices", "MachineAccess",
        "PageTables", "PCICare", "Preparation", "RealModeGate",
    ]

    static let kexecTest = PayloadRecipe(
        name: "kexec_test", folder: "KexecTest", contract: ["SerialPort"] + firmwareContract,
        sources: [
            "BIOS", "DeviceChecks", "DiskChecks", "Ending", "EntryChecks", "InterruptChecks", "KexecTest",
            "MemoryChecks", "MemoryServiceChecks", "Report", "ServiceChecks",
        ],
        support: ["HardwarePorts", "HardwareProcessor", "Reset", "Screen", "TextSink"],
        firmware: firmwareCare, assembly: [], version: "kexec_test")

    static let biosBoot = PayloadRecipe(
        name: "bios_boot", folder: "BIOSBoot",
        contract: [
            "DiskGeometry", "DiskService", "ReportedMemory", "SectorSum", "SerialPort", "ServiceRegisters",
        ] + firmwareContract,
        sources: [
            "BIOS", "BIOSBoot", "Ending", "ImageBoot", "NVMeBoot", "Residence", "Resident", "SectorBoot",
        ],
        support: ["HardwarePorts", "HardwareProcessor", "Reset", "Screen", "TextSink"],
        firmware: firmwareCare + ["NVMeController", "NVMeDisk"], assembly: [], version: "bios_boot")

    static let trampoline = PayloadRecipe(
        name: "trampoline", folder: "Trampoline", contract: ["SerialPort", "TrampolineParameters"],
        sources: ["BootCaller", "Console", "MachineFacts", "Trampoline"], support: ["HardwarePorts"],
        assembly: ["entry"], processor: .i686)
}

/// What a payload runs on.
enum PayloadProcessor: String {
    /// The raw value is the name of the folders with assembly.
    case x86_64, i686

    var target: String { self == .x86_64 ? "x86_64-unknown-none-elf" : "i686-unknown-none-elf" }

    /// Compiler flags of its own.
    var flags: [String] {
        switch self {
        // A check at compile time that nothing needs a heap.
        case .x86_64: ["-no-allocations"]
        // The check fails here for a cause inside the standard library; a link that needs a heap fails as well. Nothing
        // newer than a 486 is asked for: the compiler's own choice has CMOV.
        case .i686: ["-Xcc", "-march=i486"]
        }
    }
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

    var isStandalone: Bool { recipe.version != nil }
    var image: String { product("bin") }
    var elf: String { product("elf") }
    var map: String { product("map") }
    var disassembly: String { product("s") }

    private var payload: String { package + "/Payloads/" + recipe.folder }
    private var support: String { package + "/Payloads/Support" }
    private var firmware: String { package + "/Payloads/Firmware" }
    private var standalone: String { package + "/Payloads/Standalone" }
    /// Payloads/Standalone: what every payload that is a kernel image of its own begins with.
    private static let standaloneSources = ["CommandLine", "Console", "Handover", "OwnCommandLine", "Settling"]

    private func product(_ suffix: String) -> String { "\(work)/\(recipe.name).\(suffix)" }

    func build() {
        let swift =
            recipe.contract.map { package + "/Sources/Handoff/\($0).swift" }
            + recipe.sources.map { payload + "/\($0).swift" } + recipe.support.map { support + "/\($0).swift" }
            + recipe.firmware.map { firmware + "/\($0).swift" }
            + (isStandalone ? Self.standaloneSources.map { standalone + "/\($0).swift" } : [])
        // No vector register may be touched before CR4.OSFXSR is set.
        let flags = ["-Xcc", "-mno-sse", "-Xcc", "-mno-mmx"]
        var commands = [compile(swift, module: recipe.folder, flags: flags)]
        var objects = recipe.assembly + ["memory", recipe.folder]
        if isStandalone {
            commands.append(assemble(standalone + "/x86_64/head.S"))
            objects.append("head")
        }
        if !recipe.firmware.isEmpty {
            commands.append(assemble(firmware + "/x86_64/gate.S"))
            objects.append("gate")
        }
        if recipe.usesSHAExtensions {
            let flags = ["-Xcc", "-msha", "-Xcc", "-msse4.1"]
            commands.append(compile([support + "/SHAExtensions.swift"], module: "SHAExtensions", flags: flags))
            objects.append("SHAExtensions")
        }
        commands += recipe.assembly.map { assemble(payload + "/\(recipe.processor.rawValue)/\($0).S") }
        commands.append(assemble(support + "/\(recipe.processor.rawValue)/memory.S"))
        toolchain.runTogether(commands)
        link(objects.map { work + "/\($0).o" })
        toolchain.run([
            "llvm-objcopy", "-O", "binary", "-R", ".dynamic", "-R", ".rela.dyn", "-R", ".rel.dyn", elf, image,
        ])
        let listing = ["llvm-objdump", "--disassemble-all", "--section=.text", "--no-show-raw-insn", elf]
        toolchain.run(listing, output: disassembly)
    }

    private func compile(_ sources: [String], module: String, flags: [String]) -> [String] {
        [
            "swiftc", "-target", recipe.processor.target, "-swift-version", "6", "-wmo", "-parse-as-library", "-Osize",
            "-module-name", module, "-package-name", "swift-kexec", "-warnings-as-errors", "-strict-memory-safety",
            "-enable-experimental-feature", "Embedded", "-enable-experimental-feature", "Lifetimes",
            "-Xfrontend", "-disable-stack-protector", "-Xfrontend", "-function-sections",
            // One optimisation over all objects: 700 bytes smaller.
            "-lto=llvm-full",
            "-Xcc", "-ffreestanding", "-Xcc", "-mno-red-zone", "-Xcc", "-fomit-frame-pointer",
            "-module-cache-path", work + "/module-cache", "-file-prefix-map", package + "=.",
        ] + recipe.processor.flags + includes + flags + ["-c"] + sources + ["-o", work + "/\(module).o"]
    }

    private var includes: [String] {
        [support, firmware, standalone, payload].flatMap { ["-I", $0 + "/include"] }
    }

    private func assemble(_ source: String) -> [String] {
        let name = lastComponent(of: source)
        let object = work + "/" + name.prefix(while: { $0 != "." }) + ".o"
        let version = recipe.version.map { ["-DPAYLOAD_VERSION=\"swift-kexec \($0)\""] } ?? []
        return ["clang", "--target=" + recipe.processor.target] + includes + version + ["-c", source, "-o", object]
    }

    private func link(_ objects: [String]) {
        toolchain.run(
            [
                "ld.lld", "-pie", "--no-dynamic-linker", "-z", "text", "-z", "norelro", "--gc-sections", "--icf=all",
                "--build-id=none", "--no-undefined", "--fatal-warnings", "-T",
                (isStandalone ? standalone : payload) + "/linker.ld", "-Map", map,
                "-o", elf,
            ] + objects)
    }
}
