// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec
internal import PhysicalMemory

/// A plan as people and as programs read it.
struct PlanReport {
    let plan: BootPlan
    /// Paths of the initrds or modules, for the segments' `file`.
    let files: [ByteString]

    /// The version of the JSON's shape; keys are only ever added.
    private static let version: UInt64 = 1

    // MARK: For programs

    var json: JSONValue {
        .object([
            ("version", .number(Self.version)), ("loadable", .boolean(plan.isLoadable)), ("image", image),
            ("system_call", .string(plan.systemCall.name)),
            ("system_call_reason", .string(Diagnostic.words(for: plan.systemCallReason))),
            ("not_kept", .optional(plan.notKept.words)),
            ("alternatives", alternatives),
            ("entry", plan.isPlaced ? .address(plan.entry.rawValue) : .null),
            ("command_line", .string(plan.commandLine.description)),
            ("kernel_unpacked", .boolean(plan.isUnpacked)), ("kernel_as_it_is", .optional(obstacle)),
            ("initrd_unpacked", .boolean(plan.isInitrdUnpacked)), ("initrd_as_it_is", .optional(initrdObstacle)),
            ("fast", .optional(plan.fast.map { Diagnostic.words(for: $0) })),
            ("arguments", .optional(plan.elfArguments.map { $0.name })),
            ("digest", digest), ("placed_by", .string(placesItself ? "kexec" : "kernel")),
            ("segments", .array(plan.segments.map(segment))),
            ("refusals", .array(plan.refusals.map { .string(Diagnostic($0).sentence) })),
            ("warnings", sentences(plan.warnings)),
        ])
    }

    private var alternatives: JSONValue {
        .array(
            plan.alternatives.map {
                .object([("system_call", .string($0.name)), ("loses", sentences(plan.alternativeWarnings))])
            })
    }

    @inline(never) private func sentences(_ warnings: [PlanWarning]) -> JSONValue {
        .array(warnings.map { .string(Diagnostic($0).sentence) })
    }

    /// The report where there is no plan: the kernel or an initrd could not be read.
    static func json(refused diagnostic: Diagnostic, kernel: ByteString) -> JSONValue {
        .object([
            ("version", .number(version)), ("loadable", .boolean(false)),
            (
                "image",
                .object([
                    ("path", .string(kernel.description)), ("kind", .null), ("compression", .null), ("protocol", .null),
                ])
            ),
            ("system_call", .null), ("system_call_reason", .null), ("not_kept", .null),
            ("alternatives", .array([])), ("entry", .null), ("command_line", .null),
            ("kernel_unpacked", .null), ("kernel_as_it_is", .null), ("initrd_unpacked", .null),
            ("initrd_as_it_is", .null), ("fast", .null), ("arguments", .null),
            ("digest", .null), ("placed_by", .null), ("segments", .array([])),
            ("refusals", .array([.string(diagnostic.sentence)])), ("warnings", .array([])),
        ])
    }

    private var image: JSONValue {
        .object([
            ("path", .string(plan.image.path.description)), ("kind", .string(plan.image.kind)),
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
        let bytes: JSONValue = plan.isPlaced ? .number(plan.digestedBytes) : .null
        return .object([("algorithm", .string(plan.appliedDigest.name)), ("bytes", bytes)])
    }

    private var fileNames: String {
        var names = ""
        for file in files { names += (names.utf8.isEmpty ? "" : "+") + file.description }
        return names
    }

    private func segment(_ segment: Segment) -> JSONValue {
        let contents: (kind: String, file: String?, range: Range<Int>?) =
            switch segment.contents {
            case .kernel(let range): (plan.isUnpacked ? "unpacked" : "file", plan.image.path.description, range)
            case .initrd(let range):
                (
                    plan.isInitrdUnpacked ? "unpacked" : "file", fileNames,
                    range
                )
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

    /// Without a picture, as the log of a load has it.
    var text: String { text(picture: nil) }

    /// - Parameter picture: comes behind the segments, whose lines then have its letters.
    func text(picture: TextPicture?) -> String {
        var text = ""
        for line in facts { text += line + "\n" }
        for (number, label) in labels.enumerated() {
            text += "segment " + (picture == nil ? " " : MemoryPicture.letter(number)) + "    " + label + "\n"
        }
        if let picture { text += picture.text }
        for line in remarks { text += line + "\n" }
        return text
    }

    /// Of memory that nothing is known of there is nothing to draw.
    func draws(_ picture: MemoryPicture) -> Bool { plan.isPlaced || !picture.isEmpty }

    func svg(_ picture: MemoryPicture) -> String {
        SVGPicture(picture: picture, hasBars: draws(picture), labels: labels, facts: facts, remarks: remarks)
            .document(title: "kexec plan of " + printable(plan.image.path.description))
    }

    /// What there is to know before the segments.
    private var facts: [String] {
        var lines: [String] = []
        add("image        ", plan.image.path.description + ": " + kindText, to: &lines)
        if let form = plan.kernelForm { add("kernel       ", Diagnostic.words(for: form), to: &lines) }
        if let form = plan.initrdForm { add("initrd       ", Diagnostic.words(for: form), to: &lines) }
        if let arguments = plan.elfArguments {
            add("arguments    ", "--args-" + arguments.name, to: &lines)
        }
        let reason = Diagnostic.words(for: plan.systemCallReason)
        add("system call  ", plan.systemCall.name + " (" + reason + ")", to: &lines)
        if let words = plan.notKept.words { add("not kept     ", words, to: &lines) }
        if !plan.alternatives.isEmpty {
            add("then         ", plan.alternatives.map { $0.name }.joined(separator: ", "), to: &lines)
        }
        if plan.isPlaced { add("entry        ", hexadecimal(plan.entry.rawValue), to: &lines) }
        add("command line ", plan.commandLine.description, to: &lines)
        if let fast = plan.fast { add("fast         ", Diagnostic.words(for: fast), to: &lines) }
        let party = placesItself ? "" : ", by the kernel's own purgatory"
        let size = plan.isPlaced ? ", " + byteSize(plan.digestedBytes) : ""
        add("digest       ", plan.appliedDigest.name + size + party, to: &lines)
        if plan.purgatory?.turnsOff5LevelPaging == true {
            add("paging       ", "turned down to 4 levels", to: &lines)
        }
        if !placesItself {
            let place = plan.isPlaced ? "by the kernel; with kexec_load it would be:" : "by the kernel"
            add("placement    ", place, to: &lines)
        }
        return lines
    }

    /// "0x1000000-0x1ffffff kernel, 14 MiB", for each segment.
    private var labels: [String] {
        var lines: [String] = []
        for segment in plan.segments {
            let size = byteSize(UInt64(segment.contentSize))
            add(addresses(segment.place), " " + segment.name + ", " + size, to: &lines)
        }
        return lines
    }

    /// What there is to say of the whole.
    private var remarks: [String] {
        var lines: [String] = []
        for warning in plan.warnings { add("warning      ", Diagnostic(warning).sentence, to: &lines) }
        for refusal in plan.refusals { add("refused      ", Diagnostic(refusal).sentence, to: &lines) }
        add("loadable     ", plan.isLoadable ? "yes" : "no", to: &lines)
        return lines
    }

    @inline(never) private func add(_ title: String, _ words: String, to lines: inout [String]) {
        lines.append(printable(title + words))
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
        guard let version = plan.image.bootProtocol.map({ Int($0) }) else { return nil }
        return String(version >> 8) + (version & 0xff < 10 ? ".0" : ".") + String(version & 0xff)
    }
}

extension ELFArguments {
    /// As it stands behind "--args-".
    var name: String {
        switch self {
        case .elf: "elf"
        case .linux: "linux"
        case .nothing: "none"
        }
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
