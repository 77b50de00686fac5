// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct InitrdPlanTests {
    private let packed = 1 << 20

    private func image(_ change: (inout SetupHeader) -> Void = { _ in }) -> PlanImage {
        .bzImage {
            $0.kernelVersion = "6.1.0-56-cloud-amd64 (x) #1"
            $0.kernelVersionOffset = 0x100
            change(&$0)
        }
    }

    private func planner(
        _ machine: MachineDescription = .pc(), line: String = "quiet", change: (inout KexecRequest) -> Void = { _ in }
    ) -> BootPlanner {
        var request = KexecRequest(kernel: "/boot/vmlinuz")
        request.initrds = ["/boot/initrd"]
        request.commandLine = ByteString(line)
        request.decompression = .automatic
        change(&request)
        return BootPlanner(request: request, machine: machine, seed: nil)
    }

    /// Bytes that the initrd may become, or why it is not to be unpacked.
    private func limit(
        on machine: MachineDescription = .pc(), line: String = "quiet", unpackedKernel: Int = 0,
        header: (inout SetupHeader) -> Void = { _ in }, change: (inout KexecRequest) -> Void = { _ in }
    ) -> Result<UInt64, UnpackingObstacle> {
        let plan = image(header)
        guard case .bzImage(let image) = plan.image else { return .failure(.notLinux) }
        do throws(UnpackingObstacle) {
            return .success(
                try planner(machine, line: line, change: change).unpackedInitrdLimit(
                    for: image, plan.facts, initrdSize: packed, unpackedKernel: unpackedKernel))
        } catch { return .failure(error) }
    }

    private func plan(
        on machine: MachineDescription = .pc(), to size: Int, change: (inout KexecRequest) -> Void = { _ in }
    ) -> BootPlan {
        var planner = planner(machine, change: change)
        planner.initrdForm = .unpacked(.xz, from: packed, to: size)
        let image = image()
        return planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: packed)
    }

    // MARK: Whether

    @Test func leavesAnInitrdAsItIsWhereItMatters() {
        func obstacle(_ change: (inout KexecRequest) -> Void) -> UnpackingObstacle? {
            if case .failure(let obstacle) = limit(change: change) { obstacle } else { nil }
        }
        #expect(obstacle { _ in } == nil)
        #expect(obstacle { $0.target = .crash } == .crashKernel)
        #expect(obstacle { $0.entry32Bit = true } == .otherEntry)
        #expect(obstacle { $0.realMode = true } == .otherEntry)
        #expect(obstacle { $0.systemCall = .kexecFileLoad } == .kexecFileLoad)
        #expect(limit(header: { $0.kernelVersionOffset = 0 }) == .failure(.notLinux))
        #expect(limit(header: { $0.kernelVersion = "5.10.0" }) == .failure(.tooOld))
        var machine = MachineDescription.pc()
        machine.isConfidentialGuest = true
        #expect(limit(on: machine) == .failure(.confidentialGuest))
    }

    @Test(arguments: [
        (UnpackingChoice.automatic, true), (.initrd, true), (.all, true), (.kernel, false), (.nothing, false),
    ])
    func unpacksWhatIsAskedFor(choice: UnpackingChoice, isUnpacked: Bool) {
        let limit = limit(change: { $0.decompression = choice })
        #expect(isUnpacked ? (try? limit.get()) != nil : limit == .failure(.notWanted))
        #expect(choice.takesKernel == ![.initrd, .nothing].contains(choice))
    }

    @Test(arguments: ["retain_initrd", "initrdmem=0x1000,0x1000", "mem=512M", "memmap=64K$0x18690000"])
    func leavesItWhereTheCommandLineTellsOfItsBytesOrOfLessMemory(word: String) {
        guard case .failure(.commandLine(let name)) = limit(line: "root=/dev/sda1 \(word) quiet") else {
            Issue.record("not left")
            return
        }
        #expect(word.hasPrefix(name.description))
        #expect((try? limit(line: "x\(word)").get()) != nil)
    }

    // MARK: Memory

    @Test func isTwiceInThisMachinesMemoryBesideAllElse() {
        var machine = MachineDescription.pc()
        machine.memoryAvailable = 40 << 20
        // Three quarters, less 4 MiB of init_size and the packed initrd, and that by two.
        #expect(limit(on: machine) == .success(25 << 19))
        #expect(limit(on: machine, unpackedKernel: 5 << 20) == .success(10 << 20))
        #expect(limit(on: machine, unpackedKernel: 25 << 20) == .success(0))
        #expect(limit(on: machine, unpackedKernel: 50 << 20) == .success(0))
    }

    @Test func isTwiceInHalfOfTheNextKernelsMemory() {
        var machine = MachineDescription.pc()
        machine.memoryTotal = 512 << 20
        machine.memoryAvailable = 0
        #expect(limit(on: machine) == .success(128 << 20))
        machine.memoryTotal = 0
        #expect(limit(on: machine) == .success(.max), "a machine that does not tell")
    }

    // MARK: Plans

    @Test func handsOverWhatItWasUnpackedTo() throws {
        let plan = plan(to: 5 << 20)
        #expect(plan.refusals == [] && plan.isInitrdUnpacked)
        #expect(try #require(plan["initrd"]).contents == .initrd(0..<5 << 20))
        let parameters = plan.bytes("boot_params")
        #expect(parameters.loadLittle(UInt32.self, at: 0x21c) == 5 << 20)
        #expect(plan.digestedBytes > 5 << 20)
    }

    @Test func goesPackedWhereThereIsNoPlaceForMore() throws {
        let size = 60 << 20
        let plan = plan(on: .pc(64 << 20), to: size)
        #expect(plan.refusals == [] && !plan.isInitrdUnpacked)
        #expect(plan.initrdForm == .asItIs(because: .noRoom(needed: UInt64(size))))
        #expect(try #require(plan["initrd"]).contents == .initrd(0..<packed))
    }

    @Test func onlyWhoNamesTheInitrdIsWarned() {
        func warnings(_ choice: UnpackingChoice, _ obstacle: UnpackingObstacle = .earlyFile) -> [PlanWarning] {
            var planner = planner { $0.decompression = choice }
            planner.initrdForm = .asItIs(because: obstacle)
            planner.kernelForm = .asItIs(because: .packing)
            let image = image()
            return planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: packed)
                .warnings
        }
        #expect(warnings(.initrd) == [.asItIs(.initrd, because: .earlyFile)])
        #expect(warnings(.all) == [.asItIs(.kernel, because: .packing), .asItIs(.initrd, because: .earlyFile)])
        #expect(warnings(.automatic) == [] && warnings(.nothing) == [])
        #expect(warnings(.kernel) == [.asItIs(.kernel, because: .packing)])
        #expect(warnings(.initrd, .nothingPacked) == [], "it is as it was asked for")
    }

    // MARK: Both

    private func form(
        of bytes: [UInt8], for image: PlanImage, limit: UInt64 = .max, change: (inout KexecRequest) -> Void = { _ in }
    ) -> (InitrdForm?, Int) {
        var planner = planner(change: change)
        let map = planner.unpackInitrd(
            bytes.span.bytes, for: image.image, image.facts, unpackedKernel: 0, memoryLimit: limit)
        return (planner.initrdForm, map.byteCount)
    }

    @Test func unpacksAndTellsBothSizes() {
        let archive = PackedArchive.all[0]
        let (form, size) = form(of: archive.bytes, for: image())
        #expect(form == .unpacked(.gzip, from: archive.bytes.count, to: PackedArchive.contents.count))
        #expect(size == PackedArchive.contents.count)
    }

    @Test func handsNothingOverWhereItGoesAsItIs() {
        let bytes = PackedArchive.all[0].bytes
        let short = form(of: bytes, for: image(), limit: 1000)
        guard case .asItIs(.memoryShort(_, 1000))? = short.0, short.1 == 0 else {
            Issue.record("\(short)")
            return
        }
        let elf = PlanImage.elf([], bytes: [])
        #expect(form(of: bytes, for: elf).0 == .asItIs(because: .notLinux))
        #expect(form(of: [], for: image()) { $0.initrds = [] }.0 == nil, "there is none")
    }
}
