// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

@testable import BootFormats
@testable import Kexec

/// What is read of the running kernel for the header of a core dump.
@Suite struct CrashFactsTests {
    private static let unknown: UInt64 = .max

    /// The head of `/proc/kcore`: a note, then memory by `p_vaddr`, `p_paddr`, size.
    private static func kcore(_ loads: [(virtual: UInt64, physical: UInt64, size: UInt64)]) -> [UInt8] {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]
        bytes.pad(to: 64)
        bytes.store(UInt64(64), at: 0x20)
        bytes.store(UInt16(loads.count + 1), at: 0x38)
        for (type, load) in [(UInt32(4), (virtual: 0, physical: 0, size: 0x1000))] + loads.map({ (UInt32(1), $0) }) {
            bytes.appendLittle(type)
            bytes.appendLittle(UInt32(7))
            for word in [0x1000, load.virtual, load.physical, load.size, load.size, 4096] { bytes.appendLittle(word) }
        }
        return bytes
    }

    private static let usual = kcore([
        (0xffff_ffff_a000_0000, 0x3a20_0000, 0x280_0000), (0xffff_c900_0000_0000, unknown, 1 << 45),
        (0xffff_ffff_c000_0000, unknown, 0x3f00_0000), (0xffff_9c42_0000_1000, 0x1000, 0x9e000),
        (0xffff_9c42_0010_0000, 0x10_0000, 0x3fee_0000),
    ])

    private func folder() throws -> MachineFolder {
        let folder = try MachineFolder()
        try folder.add(
            "proc/iomem",
            """
            00001000-0009fbff : System RAM
            00100000-3fffffff : System RAM
              10000000-1fffffff : Crash kernel
            100000000-13fffffff : dax0.0
              100000000-13fffffff : System RAM (kmem)
            """)
        try folder.add("proc/kcore", bytes: Self.usual + [1, 2, 3])
        try folder.add("sys/devices/system/cpu/possible", "0-3\n")
        for (number, notes) in [(0, "20000000"), (2, "3f00c800")] {
            try folder.add("sys/devices/system/cpu/cpu\(number)/crash_notes", notes + "\n")
            try folder.add("sys/devices/system/cpu/cpu\(number)/crash_notes_size", "368\n")
        }
        return folder
    }

    @Test func readsWhatADumpNeeds() throws {
        let folder = try folder()
        try folder.add("sys/kernel/kexec/crash_cma_ranges", "30000000-307fffff\n38000000-383fffff\n")
        let crash = try folder.describe().crash
        #expect(
            crash.memory.ranges == [
                range(0x1000, 0x9fc00), range(0x10_0000, 0x4000_0000), range(1 << 32, 0x1_4000_0000),
            ])
        #expect(crash.lentRanges == [range(0x3000_0000, 0x3080_0000), range(0x3800_0000, 0x3840_0000)])
        #expect(crash.processorNotes == [range(0x2000_0000, 0x2000_0170), range(0x3f00_c800, 0x3f00_c970)])
        #expect(crash.directMapBase == 0xffff_9c42_0000_0000)
        #expect(
            crash.kernelImage
                == CoreHeader.Load(
                    memory: range(0x3a20_0000, 0x3ca0_0000), virtualAddress: 0xffff_ffff_a000_0000))
    }

    @Test func takesNotesOfAnySizeButNone() throws {
        let folder = try folder()
        for (number, size) in [(1, "0"), (3, "1")] {
            try folder.add("sys/devices/system/cpu/cpu\(number)/crash_notes", "21000000\n")
            try folder.add("sys/devices/system/cpu/cpu\(number)/crash_notes_size", size + "\n")
        }
        #expect(
            try folder.describe().crash.processorNotes == [
                range(0x2000_0000, 0x2000_0170), range(0x3f00_c800, 0x3f00_c970), range(0x2100_0000, 0x2100_0001),
            ])
    }

    @Test func readsNothingOfItWhereNothingIsReserved() throws {
        let folder = try folder()
        try folder.add("proc/iomem", "00100000-3fffffff : System RAM\n")
        #expect(try folder.describe().crash == CrashFacts())
    }

    @Test func capturesTheProgramHeadersOnly() throws {
        let folder = try folder()
        let target = try MachineFolder()
        _ = try captureMachine(root: ByteString(folder.path), into: ByteString(target.path + "/captured"))
        let root = try MachineRoot(path: ByteString(target.path + "/captured"))
        #expect(root.bytes("proc/kcore") == Self.usual)
        #expect(try MachineDescription(reading: root).crash == folder.describe().crash)
    }

    /// The kernel's map begins at `__START_KERNEL_map`; what is below is the direct map.
    @Test(arguments: [(0xffff_ffff_8000_0000, true), (0xffff_ffff_7fff_f000, false)] as [(UInt64, Bool)])
    func tellsTheKernelsMapFromTheDirectMap(virtual: UInt64, isKernel: Bool) {
        var facts = CrashFacts()
        facts.addAddresses(kcore: Self.kcore([(virtual, 0x1000, 0x2000)]))
        #expect(facts.kernelImage?.virtualAddress == (isKernel ? virtual : nil))
        #expect(facts.directMapBase == (isKernel ? nil : virtual - 0x1000))
    }

    /// No part of it that is missing or wrong stops anything.
    @Test func takesWhatIsThereOfADamagedKcore() {
        for length in 0...Self.usual.count {
            var facts = CrashFacts()
            facts.addAddresses(kcore: Array(Self.usual.prefix(length)))
            #expect(facts.directMapBase == nil || facts.directMapBase == 0xffff_9c42_0000_0000)
            #expect((facts.kernelImage != nil) == (length >= 64 + 56 + 48))
        }
        for place in Self.usual.indices {
            var bytes = Self.usual
            bytes[place] ^= 0xff
            var facts = CrashFacts()
            facts.addAddresses(kcore: bytes)
            expectFound(facts, in: bytes)
        }
    }

    /// No address is made up: some header has it.
    private func expectFound(_ facts: CrashFacts, in bytes: [UInt8]) {
        let headers = stride(from: 64, to: bytes.count, by: 56).map { header in
            [16, 24, 40].map { bytes.loadLittle(UInt64.self, at: header + $0) ?? 0 }
        }
        let isBaseThere = facts.directMapBase.map { base in headers.contains { $0[0] &- $0[1] == base } }
        let isImageThere = facts.kernelImage.map { image in
            headers.contains([image.virtualAddress, image.memory.start.rawValue, image.memory.size])
        }
        #expect(isBaseThere != false && isImageThere != false)
    }

    @Test(arguments: [("0", 0), ("0-3", 3), ("0-3,8", 8), ("", 0), ("0-x", 0), ("0-99999999999", 1 << 16)])
    func findsTheLastProcessorOfAList(list: String, last: UInt64) {
        #expect(CrashFacts.lastProcessor(in: Array(list.utf8)[...]) == last)
    }
}
