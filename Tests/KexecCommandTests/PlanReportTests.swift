// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import PhysicalMemory
import Testing

@testable import Kexec
@testable import KexecCommand

@Suite struct PlanReportTests {
    private func plan(_ call: SystemCall = .kexecLoad, digest: DigestChoice = .fast) -> BootPlan {
        func pages(_ start: UInt64, _ size: UInt64) -> PhysicalRange {
            PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(start + size))
        }
        var plan = BootPlan(
            image: ImageFacts(path: "/boot/vmlinuz", kind: "bzImage64", compression: "gzip", bootProtocol: 0x020f),
            target: .reboot, systemCall: call, systemCallReason: .requested, entry: PhysicalAddress(0x1_0000_0200),
            commandLine: "a=\"b\"", digest: digest)
        plan.segments = [
            Segment(name: "kernel", place: pages(0x1_0000_0000, 0x3000), contents: .kernel(4096..<0x3000)),
            Segment(name: "command_line", place: pages(0x1_0001_0000, 0x1000), contents: .bytes([1, 2, 3])),
            Segment(name: "purgatory", place: pages(0x1_0002_0000, 0x1000), contents: .bytes([1, 2, 3, 4])),
        ]
        plan.purgatory = PurgatoryPlan(mode: .longMode, entry: plan.entry, console: PurgatoryConsole())
        return plan
    }

    private func json(_ plan: BootPlan) throws -> [String: Any] {
        let text = PlanReport(plan: plan, files: []).json.text
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func hasTheKeysThatProgramsReadWithAddressesAsText() throws {
        let report = try json(plan())
        #expect(
            Set(report.keys) == [
                "version", "loadable", "image", "system_call", "system_call_reason", "entry", "command_line", "digest",
                "placed_by", "segments", "refusals", "warnings", "kernel_unpacked", "kernel_as_it_is",
                "initrd_unpacked", "initrd_as_it_is", "fast", "arguments", "not_kept", "alternatives",
            ])
        #expect(report["placed_by"] as? String == "kexec")
        #expect(report["entry"] as? String == "0x100000200")
        #expect(report["command_line"] as? String == "a=\"b\"")
        #expect(
            report["image"] as? [String: String]
                == ["path": "/boot/vmlinuz", "kind": "bzImage64", "compression": "gzip", "protocol": "2.15"])
        let segments = try #require(report["segments"] as? [[String: Any]])
        #expect(Set(segments[0].keys) == ["name", "start", "memory_size", "contents", "file", "offset", "size"])
        #expect(segments[0]["start"] as? String == "0x100000000" && segments[0]["memory_size"] as? Int == 0x3000)
        #expect(segments[0]["offset"] as? Int == 4096 && segments[0]["size"] as? Int == 0x2000)
        #expect(segments[1]["file"] is NSNull && segments[1]["size"] as? Int == 3)
    }

    /// The text stays text, and JSON JSON, whatever the bytes are.
    @Test func showsBytesThatAreNoTextByTheirNumbers() throws {
        var plan = plan()
        plan.commandLine = ByteString([0x6e, 0x3d, 0xe9, 0xff, 0x22, 0x0b])
        plan.image.path = ByteString([0x6b, 0xe9])
        let report = try json(plan)
        #expect(report["command_line"] as? String == "n=\\xe9\\xff\"\u{b}")
        #expect((report["image"] as? [String: String])?["path"] == "k\\xe9")
        let text = PlanReport(plan: plan, files: []).text
        #expect(text.contains("command line n=\\xe9\\xff\"\\x0b\n") && text.hasPrefix("image        k\\xe9: "))
        plan.commandLine = ByteString([UInt8](1...255))
        #expect(try json(plan)["command_line"] is String)
        #expect(PlanReport(plan: plan, files: []).text.utf8.allSatisfy { $0 == 0x0a || (0x20..<0x7f).contains($0) })
    }

    @Test func tellsWhetherTheKernelIsUnpackedAndWhyNot() throws {
        var plan = plan()
        #expect(!PlanReport(plan: plan, files: []).text.contains("\nkernel "))
        #expect(try json(plan)["kernel_as_it_is"] is NSNull)
        plan.kernelForm = .unpacked(.lz4, isRandomised: true)
        #expect(
            PlanReport(plan: plan, files: []).text
                .contains("\nkernel       unpacked from lz4, at random addresses\n"))
        #expect(try json(plan)["kernel_unpacked"] as? Bool == true)
        #expect((try json(plan)["segments"] as? [[String: Any]])?.first?["contents"] as? String == "unpacked")
        plan.kernelForm = .asItIs(because: .memoryShort(needed: 3 << 20, available: 1 << 20))
        let reason = "not enough memory to unpack it: need 3072 KiB, 1024 KiB may be used"
        #expect(PlanReport(plan: plan, files: []).text.contains("\nkernel       as it is: \(reason)\n"))
        #expect(try json(plan)["kernel_as_it_is"] as? String == reason)
        #expect(try json(plan)["kernel_unpacked"] as? Bool == false)
    }

    @Test func namesEveryWordThatFastAddsOrLeavesOut() throws {
        var plan = plan()
        #expect(!PlanReport(plan: plan, files: []).text.contains("\nfast "))
        #expect(try json(plan)["fast"] is NSNull)
        var machine = MachineDescription()
        machine.timerIsProved = true
        let fast = FastStart("console=ttyS0 cryptomgr.notests=0", on: machine)
        plan.fast = fast
        let text =
            "not cryptomgr.notests (is there already), no_timer_check (the timer is trusted to work as it does now), "
            + "quiet (consoles get errors only)"
        #expect(PlanReport(plan: plan, files: []).text.contains("\nfast         \(text)\n"))
        #expect(try json(plan)["fast"] as? String == text)
    }

    @Test(arguments: [
        ("console=ttyS0", "cryptomgr.notests (cryptographic algorithms are used untested)"),
        ("fips=1", "not cryptomgr.notests (FIPS mode wants the self-tests)"),
        ("", "not no_timer_check (/proc/interrupts shows no timer at the I/O APIC)"),
        ("", "not quiet (there is no serial console to wait for)"),
        ("debug", "not quiet (another word asks for messages)"),
    ]) func saysWhatEachWordCostsOrWhyItIsNotAdded(_ line: String, _ text: String) {
        #expect(Diagnostic.words(for: FastStart(ByteString(line), on: MachineDescription())).contains(text))
    }

    @Test func saysOfEveryObstacleWhatItIs() {
        let obstacles: [UnpackingObstacle] = [
            .notWanted, .notLinux, .otherEntry, .tooOld, .crashKernel,
            .kexecFileLoad, .confidentialGuest, .commandLine("memmap="), .pagingDepth, .noRandomness,
            .memoryShort(needed: 2, available: 1), .packing, .payload(.corrupt(.xz, at: 0x1234)),
            .image(.badValue("relocation table", at: 0x3200b70, found: 4, needed: .oneOf("2 lists, 3 lists"))),
            .notMovable, .noRoom(needed: 1 << 20), .nothingPacked, .unknownPiece(at: 0x5678), .notArchive(.zstd),
            .earlyFile, .splitArchive(.zstd),
        ]
        let texts = obstacles.map { Diagnostic.words(for: $0) }
        #expect(Set(texts).count == obstacles.count && texts.allSatisfy { !$0.isEmpty && $0.count < 160 })
        #expect(texts[12].hasSuffix("its xz data is corrupt, found at offset 0x1234"))
        #expect(texts[13].contains("0x3200b70") && texts[13].contains("2 lists, 3 lists"))
        #expect(texts[17].contains("0x5678") && texts[18].contains("zstd"))
    }

    @Test func saysOfEveryInitrdThatLinuxDoesNotTakeHowToMakeOneThatItDoes() {
        let faults: [(InitrdFault, String)] = [
            (.xzCheck(4), "CRC64, of which Linux knows CRC32 only; pack it with xz --check=crc32"),
            (.xzCheck(10), "check 10, "), (.xzFilter(3), "filter 0x3, "), (.gzipField(flags: 4), "(FLG is 0x4)"),
            (.lz4Frame, "lz4 -l"), (.skippableFrame, "a frame to skip"), (.zstdWindow, "128 MiB"),
            (.oldArchive, "cpio -H newc"), (.splitArchive(.gzip), "behind the gzip data"),
        ]
        for (fault, text) in faults {
            var plan = plan()
            plan.warnings = [.initrdNotRead(because: fault)]
            let line = "warning      the next kernel cannot unpack the initrd: "
            let report = PlanReport(plan: plan, files: []).text
            #expect(report.contains(line) && report.contains(text), "\(fault)")
        }
    }

    @Test func tellsWhetherTheInitrdIsUnpackedAndWhyNot() throws {
        var plan = plan()
        #expect(!PlanReport(plan: plan, files: []).text.contains("\ninitrd "))
        #expect(try json(plan)["initrd_as_it_is"] is NSNull)
        plan.segments[1] = Segment(
            name: "initrd", place: plan.segments[1].place, contents: .initrd(0..<0x1000))
        plan.initrdForm = .unpacked(.xz, from: 3 << 20, to: 200 << 20)
        #expect(
            PlanReport(plan: plan, files: []).text
                .contains("\ninitrd       unpacked from xz, 3072 KiB to 200 MiB\n"))
        #expect(try json(plan)["initrd_unpacked"] as? Bool == true)
        #expect((try json(plan)["segments"] as? [[String: Any]])?[1]["contents"] as? String == "unpacked")
        plan.initrdForm = .asItIs(because: .notArchive(.gzip))
        let reason = "its gzip data is no complete cpio archive"
        #expect(PlanReport(plan: plan, files: []).text.contains("\ninitrd       as it is: \(reason)\n"))
        #expect(try json(plan)["initrd_as_it_is"] as? String == reason)
        #expect(try json(plan)["initrd_unpacked"] as? Bool == false)
        plan.warnings = [.asItIs(.initrd, because: .notArchive(.gzip))]
        #expect(
            PlanReport(plan: plan, files: []).text.contains("the initrd is not unpacked before the jump: \(reason)"))
    }

    @Test(arguments: [
        (ELFArguments.linux, "linux", "--args-linux"), (.elf, "elf", "--args-elf"), (.nothing, "none", "--args-none"),
    ]) func tellsWhatAnELFFileIsEnteredWith(_ arguments: ELFArguments, name: String, text: String) throws {
        var plan = plan()
        #expect(!PlanReport(plan: plan, files: []).text.contains("\narguments "))
        #expect(try json(plan)["arguments"] is NSNull)
        plan.elfArguments = arguments
        #expect(PlanReport(plan: plan, files: []).text.contains("\narguments    \(text)\n"))
        #expect(try json(plan)["arguments"] as? String == name)
    }

    @Test(arguments: [nil, ELFArguments.elf, .nothing])
    func namesTheOptionThatAnInitrdWantsWithAnELFFile(_ told: ELFArguments?) {
        let diagnostic = Diagnostic(PlanRefusal.initrdWithoutLinux(arguments: told))
        #expect(diagnostic.hint == "a Linux kernel as ELF file wants --args-linux")
        // What was not given is not said to have been.
        #expect(diagnostic.sentence.contains("--args-") == (told != nil))
        for warning in [PlanWarning.mayBeLinux, .linuxEntered(with: told ?? .elf)] {
            #expect(Diagnostic(warning).hint == diagnostic.hint)
        }
    }

    @Test func tellsWhatTheCallDoesNotKeepAndWhatEachOtherWouldLose() throws {
        var plan = plan()
        let none = try json(plan)
        #expect(none["not_kept"] is NSNull && (none["alternatives"] as? [Any])?.isEmpty == true)
        #expect(!PlanReport(plan: plan, files: []).text.contains("not kept"))
        plan.alternatives = [.kexecFileLoad]
        plan.notKept = [.measurement, .signatureCheck]
        plan.alternativeWarnings = [.optionIgnored(.digest, by: .kexecFileLoad)]
        let words = "signature check, measurement and appraisal by IMA"
        #expect(PlanReport(plan: plan, files: []).text.contains("\nnot kept     \(words)\n"))
        let report = try json(plan)
        #expect(report["not_kept"] as? String == words)
        let other = try #require((report["alternatives"] as? [[String: Any]])?.first)
        #expect(Set(other.keys) == ["system_call", "loses"] && other["system_call"] as? String == "kexec_file_load")
        #expect(
            other["loses"] as? [String]
                == ["'--digest' has no effect with kexec_file_load: the kernel places and verifies by itself"])
        #expect(LoadGuarantees(rawValue: 0xff).words?.split(separator: ",").count == 8)
    }

    @Test(arguments: [
        FileCheckSign.policyRule, .ownPolicy, .commandLine, .measurements, .secureBoot, .signaturesForced,
    ])
    func saysWhatNobodyLooksAt(sign: FileCheckSign) throws {
        var plan = plan()
        plan.warnings = [.fileNotChecked(sign)]
        let sentence = "no signature is checked, the kernel is not measured: " + Diagnostic.words(for: sign)
        #expect(PlanReport(plan: plan, files: []).text.contains("\nwarning      \(sentence)\n"))
        #expect(try json(plan)["warnings"] as? [String] == [sentence])
    }

    @Test func tellsThatAndWhyTheModuleLoads() throws {
        var plan = plan(.module)
        plan.systemCallReason = .only(against: [
            SystemCallObstacle(call: .kexecLoad, cause: .notInKernel),
            SystemCallObstacle(call: .kexecFileLoad, cause: .notInKernel),
        ])
        let reason =
            "kexec_load: not configured into the running kernel; kexec_file_load: not configured into the running kernel"
        let report = try json(plan)
        #expect(report["system_call"] as? String == "module" && report["placed_by"] as? String == "kexec")
        #expect(report["system_call_reason"] as? String == reason)
        #expect(PlanReport(plan: plan, files: []).text.contains("system call  module (\(reason))\n"))
    }

    @Test func tellsHowToLoadAMissingModule() {
        func hint(_ obstacles: SystemCallObstacle...) -> String? {
            Diagnostic(PlanRefusal.noSystemCall(obstacles)).hint
        }
        let modprobe = "a module of this program does it instead: modprobe kexec_mod"
        let native = SystemCallObstacle(call: .kexecLoad, cause: .notInKernel)
        #expect(Diagnostic(PlanRefusal.noKexecInKernel).hint == modprobe)
        #expect(hint(native, .init(call: .module, cause: .moduleNotLoaded(besideNative: false))) == modprobe)
        #expect(
            hint(.init(call: .module, cause: .moduleNotLoaded(besideNative: true))) == modprobe + " beside_native=1")
        #expect(
            hint(.init(call: .module, cause: .moduleInterface(2))) == "program and module must be of the same version")
        #expect(hint(.init(call: .module, cause: .forcedReboot)) == nil)
        #expect(hint(native) == "-a takes the call that can")
        let absent = SystemCallObstacle(call: .module, cause: .moduleNotLoaded(besideNative: false))
        #expect(
            hint(.init(call: .module, cause: .sleepingSiblings(.forcedOff)), absent)
                == "boot the running kernel without nosmt=force")
        #expect(
            hint(.init(call: .module, cause: .sleepingSiblings(.switchedOff)))
                == "echo on > /sys/devices/system/cpu/smt/control")
        let causes: [SystemCallObstacle.Cause] = [
            .moduleNotLoaded(besideNative: true), .moduleInterface(0), .moduleInterface(2), .moduleDisabled,
            .moduleLimitUsedUp, .besideNative, .crashKernel, .forcedReboot, .option(.loadPreserveContext),
            .sleepingSiblings(.switchedOff), .sleepingSiblings(.forcedOff),
        ]
        let sentences = causes.map {
            Diagnostic(PlanRefusal.noSystemCall([SystemCallObstacle(call: .module, cause: $0)])).sentence
        }
        #expect(Set(sentences).count == causes.count)
        #expect(sentences.allSatisfy { $0.hasPrefix("module cannot load this image: ") })
    }

    private static let gaps: [MemoryGap] = [.addressesHidden, .noMap(errno: 2), .noMap(errno: 0)]

    /// No address is made up, and what keeps kexec_load from choosing one is said.
    @Test(arguments: gaps) func tellsOfAPlanInMemoryThatIsNotShown(gap: MemoryGap) throws {
        let plan = BootPlan(
            image: ImageFacts(path: "/boot/vmlinuz", kind: "bzImage64"), target: .reboot, systemCall: .kexecFileLoad,
            systemCallReason: .only(against: [SystemCallObstacle(call: .kexecLoad, cause: .memoryUnknown(gap))]),
            entry: .zero, commandLine: "quiet", digest: .fast)
        let found = try json(plan)
        #expect(found["entry"] is NSNull && found["placed_by"] as? String == "kernel")
        #expect((found["segments"] as? [Any])?.isEmpty == true && found["loadable"] as? Bool == true)
        #expect((found["digest"] as? [String: Any])?["bytes"] is NSNull)
        let cause = "kexec_load: " + Diagnostic(gap).sentence
        #expect(found["system_call_reason"] as? String == cause)
        let report = PlanReport(plan: plan, files: [])
        #expect(report.text.contains("system call  kexec_file_load (\(cause))\n"))
        #expect(
            report.text.contains(
                "digest       sha256, by the kernel's own purgatory\nplacement    by the kernel\nloadable"))
        #expect(!report.text.contains("0x"))
        let picture = MemoryPicture(of: plan, on: MachineDescription())
        #expect(picture.whole.isEmpty && picture.magnified.isEmpty)
        #expect(
            !TextPicture(picture: picture, style: PictureStyle(terminalColumns: 80, noColour: nil, terminal: nil)).text
                .isEmpty)
        let drawing = report.svg(picture)
        #expect(drawing.hasPrefix("<svg") || drawing.hasPrefix("<?xml"))
        #expect(!drawing.contains(">no memory<") && drawing.contains("loadable"))
    }

    /// The text and the status are those of the missing memory, whatever else speaks against the other calls.
    @Test(arguments: [
        (MemoryGap.addressesHidden, MachineError.hidesAddresses(file: "/proc/iomem")),
        (.noMap(errno: 2), .noMemoryMap(root: "/", errno: 2)), (.noMap(errno: 0), .noMemoryMap(root: "/", errno: 0)),
    ]) func saysThatMemoryIsMissingWhereOnlyThatHelps(gap: MemoryGap, error: MachineError) {
        let refusal = PlanRefusal.noSystemCall([
            SystemCallObstacle(call: .kexecLoad, cause: .lockdown(.integrity)),
            SystemCallObstacle(call: .kexecLoad, cause: .memoryUnknown(gap)),
            SystemCallObstacle(call: .kexecFileLoad, cause: .imageKind("elf-x86_64")),
        ])
        #expect(Diagnostic(refusal) == Diagnostic(error))
        #expect(ExitCode(refusal, choice: .automatic) == ExitCode(.machine(error), choice: .automatic))
    }

    @Test func givesWhatMemoryWouldHaveToldTheSameStatus() {
        #expect(ExitCode(.crashSizeIsZero, choice: .automatic) == .noCrashRegion)
        #expect(ExitCode(.commandLineNotShown, choice: .automatic) == .machine)
        #expect(Diagnostic(PlanRefusal.crashSizeIsZero).hint == Diagnostic(PlanRefusal.noCrashKernelRegion).hint)
    }

    @Test func saysWhatAFilterKeepsTheKernelFromTelling() throws {
        var plan = plan()
        plan.systemCallReason = .nothingKnownAgainstKexecLoad
        let line = "system call  kexec_load (not known whether the kernel has it: "
        #expect(PlanReport(plan: plan, files: []).text.contains(line))
        #expect((try json(plan)["system_call_reason"] as? String)?.hasPrefix("not known ") == true)
    }

    @Test(arguments: [(DigestChoice.fast, "fast", 0x2003), (.sha256, "sha256", 0x2003), (.none, "none", 0)])
    func tellsWhatPurgatoryChecks(digest: DigestChoice, name: String, bytes: Int) throws {
        let found = try #require(try json(plan(digest: digest))["digest"] as? [String: Any])
        #expect(found["algorithm"] as? String == name && found["bytes"] as? Int == bytes)
    }

    /// kexec_file_load brings the kernel's own purgatory, which computes SHA-256 whatever was asked for.
    @Test(arguments: [DigestChoice.fast, .sha256, .none])
    func tellsWhatTheKernelsOwnPurgatoryChecks(digest: DigestChoice) throws {
        let plan = plan(.kexecFileLoad, digest: digest)
        #expect(try json(plan)["placed_by"] as? String == "kernel")
        let found = try #require(try json(plan)["digest"] as? [String: Any])
        #expect(found["algorithm"] as? String == "sha256" && found["bytes"] as? Int == 0x2003)
        let text = PlanReport(plan: plan, files: []).text
        #expect(text.contains("digest       sha256, 8195 bytes, by the kernel's own purgatory\n"))
    }
}
