// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct FastStartTests {
    /// A machine whose timer is known to work.
    private func machine(_ change: (inout MachineDescription) -> Void = { _ in }) -> MachineDescription {
        var machine = MachineDescription.pc()
        machine.timerIsProved = true
        change(&machine)
        return machine
    }

    private func linux() -> PlanImage {
        var plan = PlanImage.bzImage { $0.kernelVersionOffset = 0x100 }
        guard case .bzImage(var image) = plan.image else { fatalError("it is one") }
        image.payload = 0x5000..<0x6000
        plan.image = .bzImage(image)
        return plan
    }

    private func plan(
        _ image: PlanImage, line: ByteString? = "root=/dev/vda1 console=ttyS0", on machine: MachineDescription? = nil,
        change: (inout KexecRequest) -> Void = { _ in }
    ) -> BootPlan {
        var request = KexecRequest(kernel: image.facts.path)
        request.commandLine = line
        request.startsFast = true
        request.givenOptions.insert(.fast)
        change(&request)
        return BootPlanner(request: request, machine: machine ?? self.machine(), seed: nil).plan(
            image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: 0)
    }

    private func reason(_ word: FastWord, _ line: String, on machine: MachineDescription? = nil) -> FastObstacle? {
        FastStart(ByteString(line), on: machine ?? self.machine()).choices.first { $0.word == word }?.obstacle
    }

    // MARK: Words

    @Test func wordsGoInFrontOfTheLine() {
        let fast = FastStart("console=ttyS0 -- single", on: machine())
        #expect(fast.added == [.noCryptoTests, .noTimerCheck, .quiet])
        #expect(fast.prepended(to: "a -- b") == "cryptomgr.notests no_timer_check quiet a -- b")
    }

    @Test(arguments: FastWord.allCases) func aWordThatIsThereInAnyValueIsNotAdded(_ word: FastWord) {
        #expect(reason(word, "console=ttyS0") == nil)
        #expect(reason(word, "console=ttyS0 \(word.text)") == .given)
        #expect(reason(word, "\(word.text)=0 console=ttyS0") == .given)
        #expect(reason(word, "console=ttyS0 \"\(word.text)=a b\"") == .given)
        #expect(reason(word, "console=ttyS0 x\(word.text) \(word.text)x") == nil)
    }

    @Test func whatStandsBehindTwoDashesIsInits() {
        #expect(reason(.quiet, "console=ttyS0 -- quiet") == nil)
        #expect(reason(.noCryptoTests, "-- fips=1") == nil)
    }

    @Test(arguments: ["fips=1", "fips=2", "fips=yes", "fips=0 fips=1"])
    func fipsModeKeepsItsSelfTests(_ line: String) {
        #expect(reason(.noCryptoTests, line) == .fipsMode)
    }

    @Test func fipsModeOfTheMachineCountsToo() {
        #expect(reason(.noCryptoTests, "fips=0") == nil)
        #expect(reason(.noCryptoTests, "fips=0", on: machine { $0.isInFIPSMode = true }) == .fipsMode)
    }

    @Test func theTimerIsCheckedWhereTheRunningKernelDoesNotVouchForIt() {
        #expect(reason(.noTimerCheck, "", on: machine { $0.timerIsProved = false }) == .timerNotProved)
    }

    @Test func messagesAreHeldBackFromSerialConsolesOnly() {
        for line in ["", "console=tty0", "console=tty0 console=hvc0", "earlyconsole=ttyS0"] {
            #expect(reason(.quiet, line) == .noSerialConsole, "\(line)")
        }
        for line in ["console=ttyS1,115200n8", "console=ttyS0 console=tty0", "console=uart8250,io,0x3f8"] {
            #expect(reason(.quiet, line) == nil, "\(line)")
        }
    }

    @Test func messagesThatAreAskedForCome() {
        #expect(reason(.quiet, "console=ttyS0 debug") == .messagesWanted)
        #expect(reason(.quiet, "console=ttyS0 loglevel=7") == .messagesWanted)
        #expect(reason(.quiet, "console=ttyS0 ignore_loglevel") == .messagesWanted)
    }

    // MARK: Plans

    @Test func thePlanNamesWhatItAdds() {
        let plan = plan(linux())
        #expect(plan.commandLine == "cryptomgr.notests no_timer_check quiet root=/dev/vda1 console=ttyS0")
        #expect(plan.fast?.added == FastWord.allCases)
        #expect(plan.warnings.isEmpty && plan.isLoadable)
    }

    @Test func nothingIsAddedUnasked() {
        let plan = plan(linux()) { $0.startsFast = false }
        #expect(plan.fast == nil && plan.commandLine == "root=/dev/vda1 console=ttyS0")
    }

    @Test func wordsOfTheRunningKernelsLineThatIsReusedCount() {
        let machine = machine { $0.commandLine = "BOOT_IMAGE=/v quiet console=ttyS0 cryptomgr.notests" }
        let plan = plan(linux(), line: nil, on: machine) { $0.reusesCommandLine = true }
        #expect(plan.commandLine == "no_timer_check quiet console=ttyS0 cryptomgr.notests")
        #expect(plan.fast?.choices.map(\.obstacle) == [.given, nil, .given])
    }

    @Test func everyCallGetsTheWords() {
        for call in [SystemCallChoice.kexecLoad, .kexecFileLoad] {
            #expect(
                plan(linux()) { $0.systemCall = call }.commandLine.description.hasPrefix("cryptomgr.notests "),
                "\(call)")
        }
    }

    @Test func aLineThatTheWordsMakeTooLongIsRefused() {
        let line = ByteString("console=ttyS0 " + String(repeating: "x", count: 2000))
        #expect(plan(linux(), line: line) { $0.startsFast = false }.isLoadable)
        #expect(plan(linux(), line: line).refusals == [.commandLineTooLong(length: 2014 + 39, limit: 2047)])
    }

    @Test func aCrashKernelIsLeftAloneAndThatIsSaid() {
        let machine = machine { $0.crashKernel = [range(0x2000_0000, 0x3000_0000)] }
        let plan = plan(linux(), on: machine) { $0.target = .crash }
        #expect(plan.fast == nil && plan.commandLine.description.hasPrefix("root="))
        #expect(plan.warnings.contains(.optionIgnored(.fast, by: .crashKernel)))
    }

    @Test func whatIsNotLinuxIsLeftAloneAndThatIsSaid() {
        let segment = ELFLoadSegment(
            file: 0..<0x1000, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x1000,
            virtualAddress: 0x100_0000)
        let program = PlanImage.elf([segment], bytes: [UInt8](repeating: 0, count: 0x1000))
        for image in [PlanImage.bzImage(), PlanImage.bzImage { $0.kernelVersionOffset = 0x100 }, program] {
            let plan = plan(image)
            #expect(plan.fast == nil && plan.commandLine == "root=/dev/vda1 console=ttyS0")
            #expect(plan.warnings.contains(.optionIgnored(.fast, by: .notLinux)))
        }
        #expect(plan(program) { $0.elfArguments = .linux }.fast?.added == FastWord.allCases)
    }
}

extension FastStart {
    fileprivate var added: [FastWord] { choices.filter { $0.obstacle == nil }.map(\.word) }
}
