// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Handoff
internal import PhysicalMemory

extension MachineDescription {
    /// Reads everything below `root`, for who needs to know memory. What else is missing there is a fact (nil, `.unknown`,
    /// empty), never an error.
    /// - Throws: `.hidesAddresses` without the privilege to see physical addresses, `.noMemoryMap` where neither the
    ///   firmware's map nor `/proc/iomem` tells of RAM.
    public init(reading root: MachineRoot) throws(MachineError) {
        self.init(readingWhatIsShown: root)
        if let memoryGap { throw memoryGap.error(below: root) }
    }

    /// The same where memory is not shown or has no RAM, too: enough to tell the state, and for plans by kexec_file_load.
    @inline(never) public init(readingWhatIsShown root: MachineRoot) {
        self.init()
        readKernel(root)
        readFirmware(root)
        readKexec(root)
        readProcessors(root)
        readMemory(root)
    }

    /// As boot_params tell; false where they are not shown.
    public var wasStartedByKexec: Bool { namesKexecAsLoader(bootParameters) }

    private mutating func readKernel(_ root: MachineRoot) {
        isRunning = root.isRunning
        readAt = isRunning ? .now : nil
        release = root.line("proc/sys/kernel/osrelease")?.string
        version = root.line("proc/sys/kernel/version")?.string
        let line = root.commandLine
        commandLine = line ?? ""
        showsCommandLine = line != nil
        configuration = root.kernelConfiguration(release: release)
        isXen = root.needsXen()
        isInFIPSMode = root.line("proc/sys/crypto/fips_enabled")?.equals("1") == true
        timerIsProved = root.timerIsProved
        vmcoreInfo = root.bytes("sys/kernel/vmcoreinfo", limit: 4096).flatMap { vmcoreInfoPlace(parsing: $0) }
    }

    private mutating func readFirmware(_ root: MachineRoot) {
        bootParameters = root.bootParameters()
        efi = root.efiFacts(bootParameters: bootParameters)
        if efi == nil {
            pciFunctions = root.pciFunctions()
            firmwareState = root.bytes(firmwareStatePath, limit: Int(FirmwareStateHeader.maximumSize))
        }
        rsdp = Self.rsdp(bootParameters: bootParameters, efi: efi, commandLine: parsedCommandLine)
    }

    private mutating func readProcessors(_ root: MachineRoot) {
        let (flags, highestID) = root.processors()
        x2APICObstacle = root.x2APICObstacle(flags, highestID: highestID)
        isConfidentialGuest = flags.isConfidentialGuest
        // Linux clears the flag where it uses four levels (4.18 and later); earlier ones need the other two.
        uses5LevelPaging =
            flags.contains(.la57) && !parsedCommandLine.has("no5lvl")
            && !configuration.disabled.contains(.fiveLevelPaging)
        kexec.sleepingSiblings = root.sleepingSiblings(flags)
    }

    private mutating func readKexec(_ root: MachineRoot) {
        let facts = root.machineFacts(probing: true)
        architecture = facts.architecture ?? root.line("proc/sys/kernel/arch")?.string
        hasSysBoot = facts.hasSysBoot
        kexec = root.kexecState(
            KernelContext(
                facts: facts, configuration: configuration, commandLine: parsedCommandLine,
                secureBoot: efi?.secureBoot, forcesReboot: parsedCommandLine.forcesReboot))
    }

    private mutating func readMemory(_ root: MachineRoot) {
        let memory = MemoryInformation(parsing: root.bytes("proc/meminfo") ?? [])
        memoryTotal = memory.total
        memoryAvailable = memory.available
        swapFree = memory.swapFree
        let firmware = root.firmwareMemoryMap()
        memoryMap = firmware ?? MemoryMap()
        var failure: Int32 = 0
        switch root.contents(of: "proc/iomem") {
        case .success(let text):
            let iomem = Iomem(parsing: text)
            guard !iomem.hidesAddresses else {
                memoryGap = .addressesHidden
                return
            }
            let resources = IomemSummary(iomem)
            addResources(resources, firmware: firmware)
            if crashRegion != nil { crash = root.crashFacts(memory: resources.allRAM) }
        case .failure(let error): failure = error.errno
        }
        showsResources = !systemRAM.isEmpty
        if systemRAM.isEmpty { systemRAM = memoryMap.ram }
        if memoryMap.ram.isEmpty { memoryGap = .noMap(errno: failure) }
    }

    /// With `add_efi_memmap` the kernel adds to its own map what firmware's lacks, and shows it in `/proc/iomem` only.
    private mutating func addResources(_ resources: IomemSummary, firmware: MemoryMap?) {
        systemRAM = resources.systemRAM
        reserved = resources.reserved
        crashKernel = resources.crashKernel
        runningKernelImage = resources.kernelImage
        if let firmware, !parsedCommandLine.has("add_efi_memmap") {
            memoryMap = firmware
        } else {
            memoryMap = resources.memoryMap
        }
    }

    private var parsedCommandLine: KernelCommandLine { KernelCommandLine(commandLine) }
}
