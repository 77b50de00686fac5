// SPDX-License-Identifier: MIT
internal import Kexec
internal import PhysicalMemory

/// A plan as people and as programs read it.
struct PlanReport {
    let plan: BootPlan
    /// Paths of the initrds or modules, for the segments' `file`.
    let files: [String]

    /// The version of the JSON's shape; keys are only ever added.
    private static let version: UInt64 = 1

    // MARK: For programs

    var json: JSONValue {
        .object([
            ("version", .number(Self.version)), ("loadable", .boolean(plan.isLoadable)), ("image", image),
            ("system_call", .string(plan.systemCall.name)),
            ("system_call_reason", .string(Diagnostic.words(for: plan.systemCallReason))),
            ("entry", .address(plan.entry.rawValue)), ("command_line", .string(plan.commandLine)),
            ("kernel_unpacked", .boolean(plan.isUnpacked)), ("kernel_as_it_is", .optional(obstacle)),
            ("initrd_unpacked", .boolean(plan.isInitrdUnpacked)), ("initrd_as_it_is", .optional(initrdObstacle)),
            ("fast", .optional(plan.fast.map { Diagnostic.words(for: $0) })),
            ("digest", digest), ("placed_by", .string(placesItself ? "kexec" : "kernel")),
            ("segments", .array(plan.segments.map(segment))),
            ("refusals", .array(plan.refusals.map { .string(Diagnostic($0).sentence) })),
            ("warnings", .array(plan.warnings.map { .string(Diagnostic($0).sentence) })),
        ])
    }

    /// The report where there is no plan: the kernel or an initrd could not be read.
    static func json(refused diagnostic: Diagnostic, kernel: String) -> JSONValue {
        .object([
            ("version", .number(version)), ("loadable", .boolean(false)),
            (
                "image",
                .object([("path", .string(kernel)), ("kind", .null), ("compression", .null), ("protocol", .null)])
            ),
            ("system_call", .null), ("system_call_reason", .null), ("entry", .null), ("command_line", .null),
            ("kernel_unpacked", .null), ("kernel_as_it_is", .null), ("initrd_unpacked", .null),
            ("initrd_as_it_is", .null), ("fast", .null),
            ("digest", .null), ("placed_by", .null), ("segments", .array([])),
            ("refusals", .array([.string(diagnostic.sentence)])), ("warnings", .array([])),
        ])
    }

    private var image: JSONValue {
        .object([
            ("path", .string(plan.image.path)), ("kind", .string(plan.image.kind)),
            ("compression", .optional(plan.image.compression)), ("protocol", .optional(protocolText)),
        ])
    }

    /// Why the kernel is not unpacked; nil where it is, or the question does not arise.
    private var obstacle: String? {
        if case .asItIs(let obstacle)? = plan.kernelForm { Diagnostic.words(for: obstacle) } else { nil }
    }

    private var initrdObstacle: String? {
        if case .asItIs(let obstacle)? = plan.initrdForm { Diagnostic.words(for: obstacle) } else { nil }
    }

    private var digest: JSONValue {
        .object([("algorithm", .string(plan.appliedDigest.name)), ("bytes", .number(plan.digestedBytes))])
    }

    private func segment(_ segment: Segment) -> JSONValue {
        let contents: (kind: String, file: String?, range: Range<Int>?) =
            switch segment.contents {
            case .kernel(let range): (plan.isUnpacked ? "unpacked" : "file", plan.image.path, range)
            case .initrd(let range): (plan.isInitrdUnpacked ? "unpacked" : "file", files.joined(separator: "+"), range)
            case .bytes: ("made", nil, nil)
            }
        return .object([
            ("name", .string(segment.name)), ("start", .address(segment.place.start.rawValue)),
            ("memory_size", .number(segment.place.size)), ("contents", .string(contents.kind)),
            ("file", .optional(contents.file)),
            ("offset", contents.range.map { .number(UInt64($0.lowerBound)) } ?? .null),
            ("size", .number(UInt64(segment.contentSize))),
        ])
    }

    // MARK: For people

    var text: String {
        var lines = ["image        \(plan.image.path): \(kindText)"]
        if let form = plan.kernelForm { lines.append("kernel       \(Diagnostic.words(for: form))") }
        if let form = plan.initrdForm { lines.append("initrd       \(Diagnostic.words(for: form))") }
        lines.append("system call  \(plan.systemCall.name) (\(Diagnostic.words(for: plan.systemCallReason)))")
        if !plan.alternatives.isEmpty {
            lines.append("then         \(plan.alternatives.map { $0.name }.joined(separator: ", "))")
        }
        lines.append("entry        \(hexadecimal(plan.entry.rawValue))")
        lines.append("command line \(plan.commandLine)")
        if let fast = plan.fast { lines.append("fast         " + Diagnostic.words(for: fast)) }
        let party = placesItself ? "" : ", by the kernel's own purgatory"
        lines.append("digest       \(plan.appliedDigest.name), \(byteSize(plan.digestedBytes))\(party)")
        if plan.purgatory?.turnsOff5LevelPaging == true { lines.append("paging       turned down to 4 levels") }
        if !placesItself {
            lines.append("placement    by the kernel; with kexec_load it would be:")
        }
        for segment in plan.segments {
            lines.append(
                "segment      \(addresses(segment.place)) \(segment.name), \(byteSize(UInt64(segment.contentSize)))")
        }
        for warning in plan.warnings { lines.append("warning      \(Diagnostic(warning).sentence)") }
        for refusal in plan.refusals { lines.append("refused      \(Diagnostic(refusal).sentence)") }
        lines.append("loadable     \(plan.isLoadable ? "yes" : "no")")
        return lines.map { printable($0) }.joined(separator: "\n") + "\n"
    }

    /// The kernel's file loader chooses the addresses by itself.
    private var placesItself: Bool { plan.systemCall != .kexecFileLoad }

    private var kindText: String {
        var text = plan.image.kind
        if let number = protocolText { text += ", boot protocol \(number)" }
        if let compression = plan.image.compression { text += ", unpacked from \(compression)" }
        return text
    }

    /// "2.15"
    private var protocolText: String? {
        plan.image.bootProtocol.map { "\($0 >> 8).\($0 & 0xff < 10 ? "0" : "")\($0 & 0xff)" }
    }
}

extension DigestChoice {
    var name: String {
        switch self {
        case .fast: "fast"
        case .sha256: "sha256"
        case .none: "none"
        }
    }
}
