// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import FirmwareLogic
@testable import KexecTestLogic
@testable import StandaloneLogic
@testable import SupportLogic

extension OneProcessor {
    /// kexec_test on a machine that works, and on machines that do not.
    @Suite final class KexecTestTests {
        /// The sums that a loader has taken of the machine that works.
        private static let words = "ivt=0x6f206711 bda=0x4ed40611 ebda=0 rom=0xd23ed6d5"

        /// A processor with that machine around it.
        private func start(_ pc: FakePC) {
            hardware.free()
            hardware = FakeHardware()
            hardware.pc = pc
            hardware.echoes = [0x3ff, 0x21, 0xa1]
            hardware.ports[0x3fd] = 0x60
            hardware.pace = 10_000_000
            hardware.registers[0x1b] = 0xfee0_0900
        }

        private var lines: [String] {
            let text = String(decoding: hardware.serialText.utf8.filter { $0 != 13 }, as: UTF8.self)
            return text.split(separator: "\n").map(String.init)
        }

        /// Every line of the report but the first: the checks in the order of `main`, which does not return.
        /// `endsAsItIsTold` holds `main` to the same report.
        private func report(_ pc: FakePC, _ change: (FakePC) -> Void = { _ in }) -> [String] {
            start(pc)
            change(pc)
            let handover = Handover(pc.parameters)
            var report = Report(Console(handover.words))
            checkEntry(handover.entry, &report)
            let hasBIOS = checkMemory(handover, &report)
            checkInterruptControllers(&report)
            checkA20(&report)
            checkKeyboardController(&report)
            putBackFunctions(record: handover.firmwareState)
            if hasBIOS, var bios = BIOS(handover.words) {
                checkTick(&bios, &report)
                checkServices(&bios, &report)
                checkMemoryServices(&bios, &report)
                checkClock(&bios, &report)
                checkPCI(&bios, &report)
                checkDisks(&bios, &report)
            }
            _ = checkACPI(&report)
            let isGood = report.end()
            #expect(isGood == (lines.last?.hasPrefix("kexec_test: PASS") == true))
            #expect(pc.complaints == [])
            return lines
        }

        /// Blocks of a name and lines; those of the machine that works come first.
        private func fixture() throws -> [(name: String, lines: [String])] {
            let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Fixtures/kexec_test-reports")
            let text = try String(contentsOf: path, encoding: .utf8)
            return text.split(separator: "\n\n").map { block in
                let lines = block.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("# SPDX") }
                return (String(lines[0].dropFirst(2)), Array(lines.dropFirst()))
            }
        }

        @Test func aMachineThatWorksPasses() throws {
            #expect(try report(FakePC(Self.words)) == fixture().first?.lines)
        }

        /// Lines that are others, and checks that are left out: "- name", or "- first … last".
        private func difference(_ found: [String], from good: [String]) -> [String] {
            func name(_ line: String) -> String { String(line.prefix { $0 != ":" }) }
            let names = Set(found.map(name))
            var missing: [[String]] = [[]]
            for line in good {
                if !names.contains(name(line)) {
                    missing[missing.count - 1].append(name(line))
                } else if missing.last != [] {
                    missing.append([])
                }
            }
            return found.filter { !good.contains($0) }
                + missing.filter { $0 != [] }.map { "- " + $0[0] + ($0.count > 1 ? " … " + $0[$0.count - 1] : "") }
        }

        @Test func whatIsWrongIsSaidAndNothingElse() throws {
            let good = report(FakePC(Self.words))
            let known = Dictionary(uniqueKeysWithValues: try fixture().dropFirst().map { ($0.name, $0.lines) })
            #expect(known.keys.sorted() == BrokenPCs.all.map(\.name).sorted())
            for (name, change) in BrokenPCs.all {
                let found = difference(report(FakePC(Self.words), change), from: good)
                #expect(found == known[name], "\(name)")
            }
        }

        /// As SeaBIOS sets them up, and every input of the I/O APIC masked.
        @Test func interruptsComeAsTheBIOSHadThem() {
            _ = report(FakePC())
            let old: Set<UInt16> = [0x20, 0x21, 0xa0, 0xa1, 0x40, 0x43, 0x80]
            let writes = hardware.writes.filter { old.contains($0.port) }.map { [$0.port, UInt16($0.value)] }
            let wanted: [[UInt16]] = [
                [0x20, 0x11], [0xa0, 0x11], [0x21, 0x08], [0xa1, 0x70], [0x21, 0x04], [0xa1, 0x02], [0x21, 0x01],
                [0xa1, 0x01], [0x21, 0xb8], [0xa1, 0x8e], [0x43, 0x34], [0x40, 0], [0x40, 0],
            ]
            // The old devices' microsecond is between each two.
            #expect(Array(writes.prefix(26)) == wanted.flatMap { [$0, [0x80, 0]] })
            // The timer is latched twice, then its count is another.
            #expect(Array(writes.dropFirst(26)) == [[0x43, 0], [0x43, 0]])
            let inputs = (0..<24).flatMap { input -> [String] in
                ["fec00000=" + String(0x10 + 2 * input, radix: 16), "fec00010=10000"]
            }
            #expect(
                hardware.pc?.stores == [
                    "fee000f0=1ff", "fee00320=10000", "fee00350=8700", "fee00360=8400", "fee00080=0", "fee000b0=0",
                    "fec00000=1",
                ] + inputs)
            #expect(hardware.pc?.gates == [0x9_d000])
        }

        @Test func x2APICModeIsLeftThroughOff() {
            _ = report(FakePC()) { _ in hardware.registers[0x1b] = 0xfee0_0d00 }
            #expect(
                hardware.registerWrites.map { [UInt64($0.number), $0.value] } == [
                    [0x1b, 0xfee0_0100], [0x1b, 0xfee0_0900],
                ])
        }

        @Test(arguments: [("", 180), ("limit=5", 90), ("limit=0", 18), ("limit=99999", 64_800)])
        func callsHaveALimit(words: String, ticks: Int) {
            let pc = FakePC(words)
            _ = report(pc)
            #expect(pc.limits == [UInt16(ticks)])
        }

        @Test func theKeyboardIsEmptiedAndTheClockReadWithoutNMI() {
            _ = report(FakePC())
            #expect(hardware.reads.count { $0 == 0x60 } == 3)
            #expect(hardware.writes.contains(FakeHardware.Access(port: 0x64, value: 0x20)))
            #expect(Set(hardware.writes.filter { $0.port == 0x70 }.map(\.value)) == [0x80])
        }

        /// The place of the gate, by KiB of memory and the extended data area's segment.
        @Test(
            arguments: [
                (640, 0, 0x9_e000), (640, 0x9fc0, 0x9_d000), (639, 0x9fc0, 0x9_d000), (636, 0x9fc0, 0x9_d000),
                (635, 0, 0x9_c000), (640, 0x8000, 0x7_e000), (640, 0x7fff, 0x9_e000), (641, 0, 0x9_e000),
                (321, 0, 0x4_e000), (320, 0, nil), (0, 0, nil), (640, 0xa001, 0x9_e000),
            ] as [(UInt16, UInt16, UInt?)])
        func theGateIsBelowWhatTheBIOSHas(memory: UInt16, area: UInt16, place: UInt?) {
            start(FakePC())
            hardware.pc?.set(memory, at: 0x413)
            hardware.pc?.set(area, at: 0x40e)
            #expect(RealModeGate.room() == place)
        }

        @Test(arguments: [(0x20, 5), (0x1020, 6)] as [(UInt64, UInt64)])
        func fourGiBAreMapped(cr4: UInt64, root: UInt64) throws {
            start(FakePC())
            hardware.control.cr4 = cr4
            let pc = try #require(hardware.pc), base = UInt64(UInt(bitPattern: pc.pageTables))
            mapFirst4GiB(by: pc.pageTables)
            #expect(hardware.control.cr3 == base + root << 12)
            for index in 0..<7 * 512 {
                let wanted: UInt64 =
                    switch index {
                    case ..<2048: UInt64(index) << 21 | 0x83
                    case 2048..<2052: base + UInt64(index - 2048) << 12 | 3
                    case 2560: base + 4 << 12 | 3
                    case 3072: base + 5 << 12 | 3
                    default: 0
                    }
                #expect(pc.pageTables[index] == wanted)
            }
        }

        @Test(
            arguments: [
                ("", 0x3f8, 0), ("serial=ttyS0 baud=9600", 0x3f8, 12), ("serial=ttyS1 baud=115200", 0x2f8, 1),
                ("serial=0x3e8 baud=115201", 0x3e8, 0), ("serial=0x2e8 baud=2", 0x2e8, 57_600),
            ] as [(String, UInt16, UInt16)])
        func writesWhereItIsTold(words: String, port: UInt16, divisor: UInt16) {
            let pc = FakePC(words)
            start(pc)
            hardware.echoes = [port + 7]
            hardware.ports[port + 5] = 0x60
            var console = Console(Handover(pc.parameters).words)
            let speed = hardware.writes.filter { $0.port <= port + 1 && $0.port >= port }.map(\.value)
            #expect(speed == (divisor == 0 ? [] : [0, UInt8(divisor & 0xff), UInt8(divisor >> 8)]))
            hardware.writes = []
            console.put("a\n" as StaticString)
            let writes: [[UInt16]] = hardware.writes.map { [$0.port, UInt16($0.value)] }
            #expect(writes == [[port, 0x61], [port, 13], [port, 10]])
            #expect(hardware.screenText == "a" + String(repeating: " ", count: 79))
        }

        @Test func aLoaderMayLeaveMoreThanTheLowHalves() {
            let pc = FakePC("firmware-state=0x12345")
            start(pc)
            for (offset, value) in [(0x218, 1), (0xc0, 2), (0x21c, 3), (0xc4, 4)] as [(Int, UInt32)] {
                pc.parameters.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
            }
            let handover = Handover(pc.parameters)
            #expect(handover.ramdisk == (0x2_0000_0001, 0x4_0000_0003) && handover.firmwareState == 0x12345)
            pc.entry.kind = 16
            #expect(Handover(pc.parameters).ramdisk == (1, 3) && !Handover(pc.parameters).isEFI)
        }

        // MARK: Above 4 GiB

        /// Entered above 4 GiB, on a machine with this memory.
        private static func highPC(_ map: [[UInt64]]) -> FakePC {
            let pc = FakePC()
            pc.parameters.storeBytes(of: UInt8(map.count), toByteOffset: 0x1e8, as: UInt8.self)
            for (index, entry) in map.enumerated() {
                let place = pc.parameters + 0x2d0 + 20 * index
                place.storeBytes(of: entry[0], as: UInt64.self)
                place.storeBytes(of: entry[1], toByteOffset: 8, as: UInt64.self)
                place.storeBytes(of: UInt32(entry[2]), toByteOffset: 16, as: UInt32.self)
            }
            return pc
        }

        @Test(
            arguments: [
                ([[0x1000, 0x9_ec00, 1]], 0x2_0000), ([[0x2_1000, 0x9000, 1]], 0x2_1000),
                ([[0x3_0000, 0x5_0000, 2], [0x4_0000, 0x1_0000, 1]], 0x4_0000),
                ([[0x2_1000, 0x8fff, 1], [0x9_7000, 0x10_0000, 1]], 0x9_7000),
            ] as [([[UInt64]], UInt)])
        func startsItselfAgainFromBelow(map: [[UInt64]], home: UInt) {
            let pc = Self.highPC(map)
            start(pc)
            settleBelow4GiB(pc.parameters)
            #expect(pc.copies.isEmpty)
            pc.putHigh()
            settleBelow4GiB(pc.parameters)
            #expect(pc.copies == [home + 0x123])
            for index in 0..<0x1800 as Range<UInt> {
                #expect(pc.word(home + index * 4) == UInt32(index) | 0x5a00_0000)
            }
            #expect(pc.word(home + 0x6000) == 0)
        }

        @Test(
            arguments: [
                [[0x2_1000, 0x8fff, 1]], [[0x9_7001, 0x10_0000, 1]], [[0, 0x2_8fff, 1], [0x10_0000, 1 << 20, 1]], [],
            ] as [[[UInt64]]])
        func withoutRoomItResetsTheMachine(map: [[UInt64]]) async {
            await #expect(processExitsWith: .exitCode(7)) { [map = map as [[UInt64]]] in
                let pc = OneProcessor.KexecTestTests.highPC(map)
                hardware.pc = pc
                pc.putHigh()
                settleBelow4GiB(pc.parameters)
            }
        }

        // MARK: The end

        private func way(_ change: (FakePC) -> Void = { _ in }) -> PowerOff? {
            let pc = FakePC()
            start(pc)
            pc.a20IsOn = true
            change(pc)
            var report = Report(Console(Handover(pc.parameters).words))
            return checkACPI(&report)
        }

        private func numbers(_ way: PowerOff?) -> [UInt16]? {
            way.map { [$0.port, $0.sleepType, $0.enablePort, UInt16($0.enableValue)] }
        }

        @Test func findsTheWayOff() {
            #expect(numbers(way()) == [0x604, 5 << 10, 0xb2, 0xf1])
            #expect(numbers(way { $0.set(UInt32(0x42), at: 0x1f_3004) })?[1] == 5 << 10)
            // A number that is its own byte, and lengths of more bytes.
            #expect(numbers(way { $0.set(UInt32(0x0701_0406), at: 0x1f_303a) })?[1] == 1 << 10)
            #expect(
                numbers(
                    way {
                        $0.set(UInt32(0x0400_0046), at: 0x1f_303a); $0.set(UInt8(7), at: 0x1f_303d)
                    })?[1] == 7 << 10)
        }

        @Test(
            arguments: [
                ("no FACP", 0x1f_1000, 0), ("no port", 0x1f_1040, 0), ("no DSDT", 0x1f_3000, 0),
                ("a DSDT below the BIOS's data", 0x1f_1028, 0x3ff), ("no _S5_", 0x1f_3035, 0),
                ("no package", 0x1f_3039, 0x13),
                ("a DSDT that ends in it", 0x1f_3004, 0x41), ("a list without it", 0x1f_0004, 40),
            ] as [(String, UInt, UInt32)])
        func mayKnowNoWayOff(what: String, address: UInt, value: UInt32) {
            let found = way { pc in
                pc.set(value, at: address)
                pc.setSum(of: 0x1f_0000, size: UInt(pc.word(0x1f_0004)), at: 9)
            }
            #expect(numbers(found) == nil)
        }

        /// What `main` does and says in a process of its own, whose end is the machine's.
        private func endOfMain(
            _ words: String, hasACPI: Bool = true, isOn: Bool = true, kibibytes: UInt16 = 639
        ) async throws -> String {
            let result = try await #require(
                processExitsWith: .exitCode(7), observing: [\.standardOutputContent]
            ) {
                [
                    words = words as String, hasACPI = hasACPI as Bool, isOn = isOn as Bool,
                    kibibytes = kibibytes as UInt16
                ] in
                let pc = FakePC(words)
                pc.set(kibibytes, at: 0x413)
                if !hasACPI { pc.set(UInt8(0), at: 0xf_5a80) }
                hardware.pc = pc
                hardware.echoes = [0x3ff, 0x21, 0xa1]
                (hardware.ports[0x3fd], hardware.pace) = (0x60, 10_000_000)
                hardware.registers[0x1b] = 0xfee0_0900
                hardware.ports[0x604] = isOn ? 1 : 0xfe
                hardware.tellsAtReset = true
                KexecTestLogic.main(pc.parameters)
            }
            return String(decoding: result.standardOutputContent.filter { $0 != 13 }, as: UTF8.self)
        }

        @Test func endsAsItIsTold() async throws {
            let good = try fixture()[0].lines.joined(separator: "\n") + "\n"
            let off = try await endOfMain(Self.words)
            #expect(off.hasPrefix("\nkexec_test: what is left of this machine\n" + good))
            #expect(off.contains("ports 70=128 70=128 604=13312 "))
            let registers = try await endOfMain(Self.words, isOn: false)
            #expect(registers.contains("ports 70=128 b2=241 604=13312 "))
            #expect(off.contains("kexec_test: halted\n"))
            let halted = try await endOfMain(Self.words + " end=halt")
            #expect(halted.contains(good + "kexec_test: halted\n") && !halted.contains("604="))
            let lost = try await endOfMain("", hasACPI: false)
            #expect(lost.contains("kexec_test: no way to switch off is known\nkexec_test: halted\n"))
            let cramped = try await endOfMain("", kibibytes: 320)
            #expect(
                cramped.contains("\nmemory below 640 KiB: FAIL the BIOS leaves no room to call it from\nACPI: PASS "))
            let again = try await endOfMain("end=reboot")
            #expect(again.contains("ports cf9=2 cf9=6 64=254 ") && !again.contains("halted"))
        }
    }
}
