// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// Machines that were captured in virtual machines, and some made by hand: see Tests/Fixtures/machines/README.md.
@Suite struct MachineFixtureTests {
    @Test func readsABIOSMachine() throws {
        let machine = try MachineFolder.describe(fixture: "bios-512m")
        #expect(!machine.isRunning)
        #expect(machine.release == "6.1.0-56-cloud-amd64")
        #expect(machine.version?.hasPrefix("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192") == true)
        #expect(machine.architecture == "x86_64")
        #expect(machine.commandLine == "console=ttyS0 panic=1 root=/dev/sda1 quiet")
        #expect(machine.memoryMap.entries.count == 7)
        #expect(machine.memoryMap.entries.first == E820Entry(range: through(0, 0x9fbff), type: .ram))
        #expect(machine.systemRAM.ranges == [through(0x1000, 0x9fbff), through(0x10_0000, 0x1ffd_ffff)])
        #expect(machine.reserved.overlaps(through(0x9fc00, 0x9ffff)))
        #expect(!machine.reserved.overlaps(through(0x10_0000, 0x1ffd_ffff)))
        #expect(machine.runningKernelImage.count == 4)
        #expect(machine.bootParameters?.count == 4096)
        #expect(machine.rsdp == 0xf59d0)
        #expect(machine.efi == nil)
        #expect(machine.vmcoreInfo == PhysicalRange(start: PhysicalAddress(0x1f31_0000), size: 0x1024))
        #expect(machine.memoryTotal > 400 << 20 && machine.memoryTotal < 512 << 20)
        #expect(!machine.uses5LevelPaging && !machine.isXen)
        #expect(!machine.isConfidentialGuest)
    }

    @Test func readsTheKexecStateOfADebianKernel() throws {
        let machine = try MachineFolder.describe(fixture: "bios-512m")
        #expect(machine.kexec.isSupported == true)
        #expect(machine.kexec.loaded == false)
        #expect(machine.kexec.crashLoaded == false)
        #expect(machine.kexec.crashSize == 0)
        #expect(machine.kexec.crashCoreHeaderSize == nil)
        #expect(!machine.kexec.loadDisabled)
        #expect(machine.kexec.loadLimitReboot == nil)
        #expect(machine.kexec.lockdown == .none)
        #expect(machine.kexec.hasKexecLoad == true)
        #expect(machine.kexec.hasKexecFileLoad == true)
        #expect(machine.kexec.checksSignature == true)
        #expect(machine.kexec.signatureEnforcement == nil)
        #expect(machine.kexec.handover == nil)
        #expect(machine.hasSysBoot == true)
        #expect(machine.configuration.has(.kexecFile) == true)
    }

    @Test func readsAMachineWith5LevelPaging() throws {
        let machine = try MachineFolder.describe(fixture: "bios-6g")
        #expect(machine.uses5LevelPaging)
        #expect(machine.systemRAM.ranges.last == through(0x1_0000_0000, 0x1_ffff_ffff))
        #expect(machine.memoryMap.ram.size > 6 << 30 - 1 << 20)
        #expect(machine.kexec.crashCoreHeaderSize != nil)
        #expect(!machine.configuration.isKnown)
        #expect(machine.kexec.hasKexecLoad == true)
        // The ECAM window's "Reserved" is nested: it belongs to no RAM and is reserved all the same.
        #expect(machine.reserved.contains(through(0xb000_0000, 0xbfff_ffff)))
    }

    @Test func readsAnEFIMachine() throws {
        let machine = try MachineFolder.describe(fixture: "ovmf-1g")
        let efi = try #require(machine.efi)
        #expect(efi.platformSize == 64)
        #expect(efi.acpi20 == 0x3f77_d014)
        #expect(efi.acpi == 0x3f77_d000)
        #expect(efi.smbios == 0x3f52_0000)
        #expect(efi.smbios3 == nil)
        #expect(efi.secureBoot == false)
        #expect(machine.rsdp == 0x3f77_d014)
        #expect(efi.firmwareVendor != nil && efi.runtime != nil && efi.configurationTable != nil)
        #expect(efi.runtimeMap.count == 7)
        #expect(efi.runtimeMap.allSatisfy { $0.physicalAddress % 4096 == 0 && $0.pageCount > 0 })
        #expect(efi.runtimeMap.first?.type == 11)
        #expect(machine.memoryMap.entries.contains { $0.type == .acpiNonVolatile })
        #expect(machine.memoryMap.entries.contains { $0.type == .acpiTables })
    }

    @Test func seesTheCrashKernelRegion() throws {
        let machine = try MachineFolder.describe(fixture: "crashkernel")
        #expect(machine.crashKernel == [through(0x3200_0000, 0x39ff_ffff)])
        #expect(machine.kexec.crashSize == 128 << 20)
        #expect(!machine.reserved.overlaps(through(0x3200_0000, 0x39ff_ffff)))
    }

    @Test func seesLockdown() throws {
        let machine = try MachineFolder.describe(fixture: "lockdown")
        #expect(machine.kexec.lockdown == .integrity)
        #expect(machine.kexec.lockdown.isLocked)
    }

    @Test func refusesHiddenAddresses() throws {
        let file = MachineFolder.fixture("hidden-addresses") + "/proc/iomem"
        #expect(throws: MachineError.hidesAddresses(file: file)) {
            try MachineFolder.describe(fixture: "hidden-addresses")
        }
    }

    @Test func takesAnEmptyDirectoryForNoMachine() throws {
        let path = MachineFolder.fixture("empty")
        #expect(throws: MachineError.noMemoryMap(root: ByteString(path), errno: 2)) {
            try MachineFolder.describe(fixture: "empty")
        }
    }

    @Test func tellsAKernelWithoutKexec() throws {
        let kexec = try MachineFolder.describe(fixture: "no-kexec").kexec
        #expect(kexec.isSupported == false)
        #expect(kexec.loaded == nil)
        #expect(kexec.hasKexecLoad == false)
        #expect(kexec.hasKexecFileLoad == false)
    }

    @Test func readsALongMapFromIomemAlone() throws {
        let machine = try MachineFolder.describe(fixture: "many-e820")
        #expect(machine.memoryMap.entries.count == 159)
        #expect(machine.systemRAM == machine.memoryMap.ram)
    }

    @Test func readsSixtyReservedRanges() throws {
        let machine = try MachineFolder.describe(fixture: "reserved-60")
        #expect(machine.systemRAM.ranges.count == 62)
        #expect(machine.reserved.overlaps(through(0x100_0000, 0x100_0000)))
        #expect(!machine.systemRAM.overlaps(through(0x3c00_0000, 0x3c00_0fff)))
    }
}
