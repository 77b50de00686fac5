// SPDX-License-Identifier: MIT
import Handoff
import Testing

@Suite struct ModuleInterfaceTests {
    /// `_IOC` of `<asm-generic/ioctl.h>`: direction, size, letter, number.
    private func number(_ direction: UInt32, size: Int, _ number: UInt32) -> UInt32 {
        direction << 30 | UInt32(size) << 16 | 0xbe << 8 | number
    }

    @Test func commandsCarryTheSizesOfTheirArguments() {
        #expect(ModuleCommand.load.rawValue == number(1, size: MemoryLayout<ModuleLoad>.size, 1))
        #expect(ModuleCommand.unload.rawValue == number(0, size: 0, 2))
        #expect(ModuleCommand.status.rawValue == number(2, size: MemoryLayout<ModuleStatus>.size, 3))
        #expect(ModuleCommand.execute.rawValue == number(0, size: 0, 4))
        #expect(ModuleCommand.dryRun.rawValue == number(0, size: 0, 5))
    }

    @Test func argumentsHaveTheirFixedLayout() {
        #expect(MemoryLayout<ModuleLoad>.size == 32 && MemoryLayout<ModuleLoad>.offset(of: \.segments) == 16)
        #expect(MemoryLayout<ModuleSegment>.size == 32 && MemoryLayout<ModuleSegment>.offset(of: \.start) == 16)
        #expect(MemoryLayout<ModuleStatus>.size == 64 && MemoryLayout<ModuleStatus>.offset(of: \.loadsLeft) == 8)
        #expect(MemoryLayout<ModuleStatus>.offset(of: \.pagesHeld) == 24)
    }

    /// Loaders of other versions read these.
    @Test func bitsAndFieldsKeepTheirPlaces() {
        #expect(ModuleStatus.loaded == 1 && ModuleStatus.disabled == 2 && ModuleStatus.besideNative == 4)
        #expect(ModuleInterface.version == 1 && ModuleInterface.architectureMask == 0xffff_0000)
        var status = ModuleStatus()
        #expect(
            bytes(of: status) == [1, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 0xff, count: 8)
                + Array(repeating: 0, count: 48))
        (status.interface, status.flags, status.loadsLeft, status.entry) = (1, 2, 3, 4)
        (status.pagesHeld, status.pagesInPlace, status.pagesToCopy) = (5, 6, 7)
        (status.reserved, status.alsoReserved) = (8, 9)
        let words: [UInt64] = [1 | 2 << 32, 3, 4, 5, 6, 7, 8, 9]
        #expect(bytes(of: status) == words.flatMap { bytes(of: $0) })
        #expect(
            bytes(of: ModuleLoad(entry: 1, segmentCount: 2, segments: 3, flags: 4))
                == (1...4).flatMap { bytes(of: UInt64($0)) })
        #expect(
            bytes(of: ModuleSegment(contents: 1, contentSize: 2, start: 3, memorySize: 4))
                == (1...4).flatMap { bytes(of: UInt64($0)) })
    }
}
