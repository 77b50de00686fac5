// SPDX-License-Identifier: MIT
/// The flags of the first processor in `/proc/cpuinfo` that a plan asks for.
struct ProcessorFlags: OptionSet, Hashable {
    var rawValue: UInt8

    static let la57 = ProcessorFlags(rawValue: 1 << 0)
    static let hypervisor = ProcessorFlags(rawValue: 1 << 1)
    static let tdxGuest = ProcessorFlags(rawValue: 1 << 2)
    /// SEV in any of its forms: of the host as well as of a guest.
    static let sev = ProcessorFlags(rawValue: 1 << 3)
    /// MWAIT, in which Linux lets offline processors wait.
    static let monitor = ProcessorFlags(rawValue: 1 << 4)
    /// Every processor has it: without it flags are not shown.
    static let fpu = ProcessorFlags(rawValue: 1 << 5)
    static let x2apic = ProcessorFlags(rawValue: 1 << 6)
    /// It has IA32_ARCH_CAPABILITIES.
    static let architectureCapabilities = ProcessorFlags(rawValue: 1 << 7)

    private static let names: [(name: StaticString, flag: ProcessorFlags)] = [
        ("la57", .la57), ("hypervisor", .hypervisor), ("tdx_guest", .tdxGuest), ("sev", .sev), ("sev_es", .sev),
        ("sev_snp", .sev), ("monitor", .monitor), ("fpu", .fpu), ("x2apic", .x2apic),
        ("arch_capabilities", .architectureCapabilities),
    ]

    /// Reads the first line `flags : fpu vme …`.
    init(parsing text: [UInt8]) {
        self = []
        guard let line = text.lines.first(where: { $0.hasPrefix("flags") }), let (_, flags) = line.value(of: ":") else {
            return
        }
        for word in flags.words {
            for (name, flag) in Self.names where word.equals(name) { insert(flag) }
        }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// An SEV host shows the same flags as its guests, but runs under no hypervisor.
    var isConfidentialGuest: Bool { contains(.tdxGuest) || isSuperset(of: [.sev, .hypervisor]) }
}

/// Why processors stay in x2APIC mode where they are in it.
public enum X2APICObstacle: Hashable, Sendable {
    /// The highest of their IDs does not fit into the 8 bits of the other mode.
    case wideID(UInt64)
    /// They are held in it: IA32_XAPIC_DISABLE_STATUS.
    case locked
    /// Purgatory, which would leave it by way of 32-bit code, has to lie above 4 GiB: `--mem-min`.
    case memoryMinimum
}

/// Which lines of `/proc/cpuinfo` count, and what they come to.
private struct ProcessorLines {
    private var hasFlags = false
    private(set) var highestID: UInt64 = 0

    @inline(never) mutating func takes(_ line: ArraySlice<UInt8>) -> Bool {
        if line.hasPrefix("apicid"), let id = line.value(of: ":")?.value.decimal {
            highestID = max(highestID, id)
            return true
        }
        // All have the same flags, about 1 KiB.
        guard !hasFlags, line.hasPrefix("flags") else { return false }
        hasFlags = true
        return true
    }
}

extension MachineRoot {
    /// The flags of the first processor, and the highest `apicid` of all that are in use.
    func processors() -> (flags: ProcessorFlags, highestID: UInt64) {
        var lines = ProcessorLines()
        let text = excerpt(of: "proc/cpuinfo", within: 16 << 20) { lines.takes($0) }
        return (ProcessorFlags(parsing: text ?? []), lines.highestID)
    }

    /// The flags alone: one processor takes about 1.5 KiB, and to read all of them takes long on a large machine.
    func processorFlags() -> ProcessorFlags {
        ProcessorFlags(parsing: excerpt(of: "proc/cpuinfo", within: 16384) { $0.hasPrefix("flags") } ?? [])
    }

    func x2APICObstacle(_ flags: ProcessorFlags, highestID: UInt64) -> X2APICObstacle? {
        guard flags.contains(.x2apic) else { return nil }
        if highestID >= 0xff { return .wideID(highestID) }
        // Linux's device knows which registers there are; it is there only where its module is.
        let device = "dev/cpu/0/msr"
        let isLocked =
            flags.contains(.architectureCapabilities) && number(at: 0x10a, of: device) & 1 << 21 != 0
            && number(at: 0xbd, of: device) & 1 != 0
        return isLocked ? .locked : nil
    }

    /// What is not shown clears nobody: with SMT off there are siblings, unless the lists say that all are online.
    /// - Parameter flags: nil: not read yet.
    func sleepingSiblings(_ flags: ProcessorFlags?) -> SleepingSiblings? {
        guard let control = line("sys/devices/system/cpu/smt/control") else { return nil }
        let isForced = control.equals("forceoff")
        guard isForced || control.equals("off") else { return nil }
        let flags = flags ?? processorFlags()
        if flags.contains(.fpu), !flags.contains(.monitor) { return nil }
        if let present = bytes("sys/devices/system/cpu/present"), let online = bytes("sys/devices/system/cpu/online"),
            present == online
        {
            return nil
        }
        return isForced ? .forcedOff : .switchedOff
    }

    /// Of a machine whose columns of processors do not fit, nothing is known.
    var timerIsProved: Bool {
        // Lines of other timers end in "interrupts"; this one is among the first, which are longer the more CPUs there are.
        let text = excerpt(of: "proc/interrupts", within: 1 << 20) { $0.hasSuffix(" timer") }
        return text?.lines.first?.firstIndex(of: "IO-APIC") != nil
    }

    /// Xen does kexec by hypercall for domain 0 and cannot do it for a PV guest; HVM and PVH guests are as bare metal.
    func needsXen() -> Bool {
        guard line("sys/hypervisor/type")?.equals("xen") == true else { return false }
        let capabilities = bytes("proc/xen/capabilities", limit: 4096) ?? []
        let guest = line("sys/hypervisor/guest_type")
        return capabilities[...].firstIndex(of: "control_d") != nil || guest == nil || guest?.equals("PV") == true
    }
}
