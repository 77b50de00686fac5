// SPDX-License-Identifier: MIT
import Handoff
import ModuleCore
import PhysicalMemory
import Testing

private let notPermitted: Int64 = -1
private let badAddress: Int64 = -14
private let invalid: Int64 = -22
private let noSuchCommand: Int64 = -25
private let notSupported: Int64 = -95
private let addressNotAvailable: Int64 = -99

extension CoreTests {
    /// Each refusal: its errno, its line in the log, and that it costs nothing and changes nothing.
    @Suite struct Refusals {
        private let good = [TestSegment(0x20_0000, pages: 3, zeros: 2)]

        /// Does what is refused on a machine with an image loaded, which must stay.
        private func expect(
            _ errno: Int64, _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
            of attempt: (MockLinux) -> Int64
        ) {
            withMachine(sourceLocation: sourceLocation) { linux in
                #expect(linux.load(good) == 0, sourceLocation: sourceLocation)
                let (jump, held) = (linux.jump, linux.pages.given)
                linux.logLines = []
                #expect(attempt(linux) == errno, sourceLocation: sourceLocation)
                #expect(linux.logLines.map(\.isError) == [true], sourceLocation: sourceLocation)
                let text = linux.logLines.first?.text ?? ""
                #expect(text.contains(words), sourceLocation: sourceLocation)
                #expect(linux.pages.given == held, sourceLocation: sourceLocation)
                #expect(linux.tables.isEmpty, sourceLocation: sourceLocation)
                #expect(linux.jump == jump, sourceLocation: sourceLocation)
                #expect(linux.damage == [], sourceLocation: sourceLocation)
            }
        }

        private func table(_ segments: [(start: UInt64, size: UInt64, contents: UInt64)]) -> [ModuleSegment] {
            segments.map { ModuleSegment(contents: 0, contentSize: $0.contents, start: $0.start, memorySize: $0.size) }
        }

        // MARK: Who asks

        @Test(arguments: [ModuleCommand.load, .unload, .status, .execute, .dryRun])
        func everythingAsksForThePrivilege(_ command: ModuleCommand) {
            expect(notPermitted, "CAP_SYS_BOOT") {
                $0.answers.mayBoot = false
                return $0.call(command)
            }
        }

        @Test func executeAsksForTheInitialProcessNamespace() {
            expect(notPermitted, "PID namespace") { linux in
                linux.answers.isInInitialProcessNamespace = false
                defer { #expect(linux.exits == []) }
                return linux.call(.execute)
            }
        }

        // MARK: Sibling threads that would wake in the next kernel

        /// Before the limit counts, and with nothing tried.
        @Test(arguments: [(1, "echo on"), (2, "boot this kernel without it")] as [(UInt32, String)])
        func sleepingSiblingsAreNamedBeforeAllElse(_ siblings: UInt32, _ remedy: String) {
            expect(notSupported, remedy) { linux in
                linux.answers.sleepingSiblings = siblings
                (linux.answers.isDisabled, linux.answers.lockdown, linux.answers.isEncrypted) = (true, -1, true)
                linux.answers.loadsLeft = 7
                defer { #expect(linux.answers.loadsLeft == 7 && linux.exits == []) }
                return linux.load(good)
            }
            for command in [ModuleCommand.execute, .dryRun] {
                expect(notSupported, remedy) { linux in
                    linux.answers.sleepingSiblings = siblings
                    (linux.answers.isInInitialProcessNamespace, linux.answers.lockdown) = (false, -1)
                    defer { #expect(linux.exits == []) }
                    return linux.call(command)
                }
            }
        }

        @Test func whatIsLoadedIsToldOfAndUnloadedWhileSiblingsSleep() {
            withMachine { linux in
                #expect(linux.load(good) == 0)
                linux.answers.sleepingSiblings = 2
                #expect(linux.status() != nil && linux.call(.unload) == 0)
                #expect(linux.call(.execute) == invalid, "nothing is loaded")
            }
        }

        // MARK: Whether anyone may

        @Test func switchedOffNothingIsLoadedOrUnloaded() {
            for unloads in [false, true] {
                expect(notPermitted, "'disabled'") { linux in
                    linux.answers.isDisabled = true
                    linux.answers.loadsLeft = 7
                    defer { #expect(linux.answers.loadsLeft == 7) }
                    return unloads ? linux.call(.unload) : linux.load(good)
                }
            }
        }

        @Test func theLimitCountsLoadsAndUnloadsAndStaysAtNothing() {
            withMachine { linux in
                linux.answers.loadsLeft = 3
                #expect(linux.load(good) == 0)
                #expect(linux.call(.unload) == 0)
                // What is refused later counts, too.
                #expect(linux.load([]) == invalid)
                #expect(linux.answers.loadsLeft == 0)
                #expect(linux.load(good) == notPermitted)
                #expect(linux.call(.unload) == notPermitted)
                #expect(linux.answers.loadsLeft == 0)
                #expect(linux.logLines.last?.text.contains("'load_limit'") == true)
            }
        }

        @Test(arguments: [false, true]) func lockdownForbidsToLoadAndToLeave(_ leaves: Bool) {
            expect(notPermitted, "locked down") { linux in
                linux.answers.lockdown = -1
                defer { #expect(linux.exits == []) }
                return leaves ? linux.call(.execute) : linux.load(good)
            }
        }

        @Test(arguments: [false, true]) func aSecurityModuleForbidsToLoadAndToLeave(_ leaves: Bool) {
            expect(-13, "security module forbids it, errno 13") { linux in
                linux.answers.policy = -13
                defer { #expect(linux.exits == []) }
                return leaves ? linux.call(.execute) : linux.load(good)
            }
        }

        @Test(arguments: [false, true]) func encryptedMemoryIsRefused(_ leaves: Bool) {
            expect(notSupported, "encryption") {
                $0.answers.isEncrypted = true
                return leaves ? $0.call(.execute) : $0.load(good)
            }
        }

        @Test(arguments: [false, true]) func aParavirtualGuestIsRefused(_ leaves: Bool) {
            expect(notSupported, "hypervisor") {
                $0.answers.isParavirtual = true
                return leaves ? $0.call(.execute) : $0.load(good)
            }
        }

        // MARK: What is asked for

        @Test func unknownCommands() {
            // Among them a load whose argument has another size, and one that would be read.
            for command: UInt32 in [0, 0x4010_be01, 0xc020_be01, 0x0000_be05 + 1, 0x0000_bf02, .max] {
                expect(noSuchCommand, "no command 0x\(hex(UInt64(command)))") { _ in core_ioctl(command, 0) }
            }
        }

        @Test func unknownFlags() {
            for flags: UInt64 in [1, 2, 4, 0x8000, 1 << 32, 1 << 63, 62 << 16 | 1] {
                expect(invalid, "flags 0x\(hex(flags))") { $0.load(good, flags: flags) }
            }
        }

        @Test func otherArchitectures() {
            expect(invalid, "machine 183, this kernel is 62") { $0.load(good, flags: 183 << 16) }
            expect(invalid, "machine 3, ") { $0.load(good, flags: 3 << 16) }
            withMachine { #expect($0.load(good, flags: 62 << 16) == 0) }
        }

        @Test func noSegmentsAndTooMany() {
            expect(invalid, "no segments") { $0.load([ModuleSegment]()) }
            let many = (0..<UInt64(17)).map { TestSegment(0x20_0000 + $0 * 4096, pages: 1) }
            expect(invalid, "17 segments, at most 16") { $0.load(many) }
            expect(invalid, "\(UInt64.max) segments") { $0.load([ModuleSegment](), count: .max) }
            withMachine { #expect($0.load(Array(many.dropLast())) == 0) }
        }

        @Test func overlap() {
            let overlapping = table([(0x30_0000, 0x3000, 0), (0x20_0000, 0x2000, 0), (0x30_2000, 0x1000, 0)])
            expect(invalid, "segment 2 at 0x302000 overlaps segment 0") { $0.load(overlapping) }
            expect(invalid, "overlaps") { $0.load(table([(0x30_0000, 0x1000, 0), (0x30_0000, 0x1000, 0)])) }
        }

        @Test func placesThatAreNotOnPages() {
            expect(addressNotAvailable, "segment 1 at 0x300100") {
                $0.load(table([(0x20_0000, 0x1000, 0), (0x30_0100, 0x1000, 0)]))
            }
            expect(addressNotAvailable, "not on pages") { $0.load(table([(0x30_0000, 0x1001, 0)])) }
        }

        @Test func placesThatWrap() {
            expect(addressNotAvailable, "wraps") { $0.load(table([(0xffff_ffff_ffff_f000, 0x2000, 0)])) }
            expect(addressNotAvailable, "wraps") { $0.load(table([(0x1000, 0xffff_ffff_ffff_f000, 0)])) }
        }

        @Test func placesAboveTheLimit() {
            expect(addressNotAvailable, "does not end below 0x400000000000") {
                $0.load(table([((1 << 46) - 0x1000, 0x1000, 0)]))
            }
            expect(addressNotAvailable, "does not end below") { $0.load(table([(1 << 50, 0x1000, 0)])) }
        }

        @Test func moreContentsThanPlace() {
            expect(invalid, "segment 0 has more bytes than its place of 0x1000") {
                $0.load(table([(0x30_0000, 0x1000, 0x1001)]))
            }
            expect(invalid, "more bytes") { $0.load(table([(0x30_0000, 0, .max)])) }
        }

        @Test func moreThanHalfOfRAM() {
            let half = MockLinux().answers.totalPages / 2
            expect(invalid, "segment 0 has \(half + 1) pages, at most \(half)") {
                $0.load(table([(0x1000_0000, (half + 1) * 4096, 0)]))
            }
            expect(invalid, "segments of \(half + 1) pages, at most \(half)") {
                $0.load(table([(0x1000_0000, half * 4096, 0), (0x2000_0000, 0x1000, 0)]))
            }
        }

        @Test func addressesThatTheCallerDoesNotHave() {
            for address: UInt64 in [0, 0x1234, .max, .max - 16] {
                expect(badAddress, "an address") { $0.call(.load, address) }
                expect(badAddress, "an address") { $0.call(.status, address) }
            }
            // The table is too short, or elsewhere; contents are.
            expect(badAddress, "an address") { $0.load(table([(0x30_0000, 0x1000, 0)]), count: 2) }
            expect(badAddress, "an address") {
                let request = ModuleLoad(entry: 0, segmentCount: 3, segments: .max - 40, flags: 0)
                return $0.call(.load, $0.caller.add(withUnsafeBytes(of: request) { Array($0) }))
            }
            expect(badAddress, "an address") { $0.load(table([(0x30_0000, 0x2000, 1)])) }
            expect(badAddress, "an address") {
                $0.load([ModuleSegment(contents: .max - 5, contentSize: 0x2000, start: 0x30_0000, memorySize: 0x2000)])
            }
        }

        @Test func nothingLoaded() {
            withMachine { linux in
                for command in [ModuleCommand.execute, .dryRun] {
                    linux.logLines = []
                    #expect(linux.call(command) == invalid)
                    #expect(linux.logLines.map(\.text) == ["refused: nothing is loaded"])
                }
                #expect(linux.call(.unload) == 0)
                #expect(linux.exits == [])
                #expect(linux.pages.requests == 0)
                #expect(linux.jump == nil)
            }
        }
    }
}
