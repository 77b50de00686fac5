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
}
