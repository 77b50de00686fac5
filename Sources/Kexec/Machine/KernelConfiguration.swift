// SPDX-License-Identifier: MIT

/// Build options of the running kernel that decide what a plan may do.
public struct KernelOptions: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `CONFIG_KEXEC`: kexec_load.
    public static let kexec = KernelOptions(rawValue: 1 << 0)
    /// `CONFIG_KEXEC_FILE`: kexec_file_load.
    public static let kexecFile = KernelOptions(rawValue: 1 << 1)
    /// `CONFIG_KEXEC_SIG`: kexec_file_load looks at signatures.
    public static let kexecSignature = KernelOptions(rawValue: 1 << 2)
    /// `CONFIG_KEXEC_SIG_FORCE`: kexec_file_load takes no image without a valid one.
    public static let kexecSignatureForced = KernelOptions(rawValue: 1 << 3)
    /// `CONFIG_KEXEC_HANDOVER`: KHO, memory that is preserved for the next kernel.
    public static let kexecHandover = KernelOptions(rawValue: 1 << 4)
    /// `CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT`: it is on without `kho=on`.
    public static let kexecHandoverByDefault = KernelOptions(rawValue: 1 << 5)
    /// `CONFIG_LIVEUPDATE`: `/dev/liveupdate`.
    public static let liveUpdate = KernelOptions(rawValue: 1 << 6)
    /// `CONFIG_CRASH_DUMP`: `crashkernel=`, and kernels that start at a panic.
    public static let crashDump = KernelOptions(rawValue: 1 << 7)
    /// `CONFIG_X86_5LEVEL`
    public static let fiveLevelPaging = KernelOptions(rawValue: 1 << 8)
    /// `CONFIG_IMA_APPRAISE`: integrity measurement can refuse files.
    public static let imaAppraise = KernelOptions(rawValue: 1 << 9)
    /// `CONFIG_IMA_ARCH_POLICY`: where Secure Boot is on, kernel images must be signed.
    public static let imaArchitecturePolicy = KernelOptions(rawValue: 1 << 10)

    /// `CONFIG_IMA_KEXEC`: kexec_file_load hands the list of measurements to the next kernel.
    public static let imaKexec = KernelOptions(rawValue: 1 << 12)

    /// The options under the names that the kernel's configuration file gives them.
    static let names: [(name: StaticString, option: KernelOptions)] = [
        ("CONFIG_KEXEC", .kexec), ("CONFIG_KEXEC_FILE", .kexecFile), ("CONFIG_KEXEC_SIG", .kexecSignature),
        ("CONFIG_KEXEC_SIG_FORCE", .kexecSignatureForced), ("CONFIG_KEXEC_HANDOVER", .kexecHandover),
        ("CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT", .kexecHandoverByDefault), ("CONFIG_LIVEUPDATE", .liveUpdate),
        ("CONFIG_CRASH_DUMP", .crashDump), ("CONFIG_X86_5LEVEL", .fiveLevelPaging),
        ("CONFIG_IMA_APPRAISE", .imaAppraise), ("CONFIG_IMA_ARCH_POLICY", .imaArchitecturePolicy),
        ("CONFIG_IMA_KEXEC", .imaKexec),
    ]
}

/// What the running kernel's configuration file says.
public struct KernelConfiguration: Hashable, Sendable {
    /// A configuration file was found and holds settings.
    public var isKnown = false
    /// Options that are `y` or `m`.
    public var enabled: KernelOptions = []
    /// Options of which the file says "is not set". An option in neither set does not exist in this kernel or has
    /// its needs unmet, which for most is as good as off; CONFIG_X86_5LEVEL is gone where 5 levels are always built.
    public var disabled: KernelOptions = []

    public init() {}

    /// Whether `option` is on; nil where no configuration file was found.
    public func has(_ option: KernelOptions) -> Bool? { isKnown ? enabled.contains(option) : nil }

    /// Reads the lines of a configuration file: `CONFIG_X=y` and `# CONFIG_X is not set`.
    init(parsing text: [UInt8]) {
        for line in text.lines {
            guard let (option, isOn) = Self.setting(in: line) else { continue }
            isKnown = true
            if isOn { enabled.insert(option) } else { disabled.insert(option) }
        }
    }

    /// The option that a line is about, if it is one of ours; on where it says `y` or `m`.
    static func setting(in line: ArraySlice<UInt8>) -> (option: KernelOptions, isOn: Bool)? {
        let isOff = line.hasPrefix("# CONFIG_")
        guard isOff || line.hasPrefix("CONFIG_") else { return nil }
        let statement = line.dropFirst(isOff ? 2 : 0)
        let name = statement.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: " ") }
        for known in KernelOptions.names where name.equals(known.name) {
            let rest = statement.dropFirst(name.count)
            if isOff { return rest.equals(" is not set") ? (known.option, false) : nil }
            return rest.equals("=y") || rest.equals("=m") ? (known.option, true) : nil
        }
        return nil
    }
}
