// SPDX-License-Identifier: MIT
import Handoff
import Testing

@Suite struct PCIConfigurationTests {
    private func space(_ words: [UInt8: UInt32]) -> ConfigurationWords { ConfigurationWords(words: words) }

    /// Six base address registers as firmware leaves them, behind a header of the type.
    private func registers(_ words: [UInt32], headerType: UInt32 = 0) -> ConfigurationWords {
        var result = space([0x0c: headerType << 16])
        for (index, word) in words.enumerated() { result.words[UInt8(0x10 + 4 * index)] = word }
        return result
    }

    @Test func wordsOfTheHeaderAreWhereTheSpecificationHasThem() {
        let space = space([0: 0x1234_8086, 4: 0xffff_0007, 8: 0x0106_0102, 0x0c: 0xff81_ffff])
        #expect(space.identity == 0x1234_8086 && space.classAndRevision == 0x0106_0102)
        #expect(space.command == 7)
        #expect(space.headerType == 1, "without the bit for several functions")
    }

    @Test(arguments: [(0, 6), (1, 2), (2, 1), (3, 1)] as [(UInt32, UInt8)])
    func aBridgeHasFewerBaseAddresses(headerType: UInt32, count: UInt8) {
        let space = registers([1, 2, 3, 4, 5, 6].map { $0 << 12 }, headerType: headerType)
        for index in 0..<7 as Range<UInt8> {
            #expect(space.baseAddress(index) == (index < count ? UInt32(index + 1) << 12 : 0))
            #expect(space.memory(index) == (index < count ? UInt64(index + 1) << 12 : nil))
        }
    }

    @Test func onlyAWideRegisterTakesTheNextForItsUpperHalf() {
        // Low bits: 0 memory of 32 bits, 2 of 20, 4 of 64, 6 nothing; 8 may be read ahead, 1 are ports.
        let kinds: [(UInt32, UInt64?)] = [
            (0, 0xfe00_0000), (2, 0xfe00_0000), (4, 0x7_fe00_0000), (6, 0xfe00_0000), (8, 0xfe00_0000),
            (0xc, 0x7_fe00_0000), (1, nil), (5, nil), (0xd, nil),
        ]
        for (bits, expected) in kinds {
            for index in 0..<5 as Range<UInt8> {
                var words = [UInt32](repeating: 0, count: 6)
                words[Int(index)] = 0xfe00_0000 | bits
                words[Int(index) + 1] = 7
                #expect(registers(words).memory(index) == expected, "\(bits) at \(index)")
            }
        }
        // The last has no next one.
        #expect(registers([0, 0, 0, 0, 0, 0xfe00_0004]).memory(5) == 0xfe00_0000)
        #expect(registers([4, 1]).memory(0) == 1 << 32, "all in the upper half")
        #expect(registers([4, 0]).memory(0) == nil && registers([0x10]).memory(0) == 0x10)
    }

    @Test func findsTheFirstCapabilityThatIsAccepted() {
        var space = space([4: 1 << 20, 0x34: 0x43, 0x40: 0x5005, 0x50: 0x4c11, 0x4c: 0x0011])
        #expect(space.firstCapability { _, word in word & 0xff == 0x05 } == 0x40, "the lowest two bits do not count")
        #expect(space.firstCapability { offset, _ in offset == 0x50 } == 0x50)
        #expect(space.firstCapability { offset, word in offset == 0x4c && word == 0x0011 } == 0x4c)
        #expect(space.firstCapability { _, _ in false } == nil)
        for status in [0, 1 << 19, 1 << 21, 0xffff] as [UInt32] {
            space.words[4] = status
            #expect(space.firstCapability { _, _ in true } == nil, "no list")
        }
        space.words[4] = 1 << 20
        space.words[0x34] = 0x3c
        #expect(space.firstCapability { _, _ in true } == nil, "in the header")
        // A bridge to CardBus has the list elsewhere.
        space.words[0x14] = 0x50
        space.words[0x0c] = 2 << 16
        #expect(space.firstCapability { _, _ in true } == 0x50)
    }

    @Test func looksAt48Capabilities() {
        func isFound(_ count: Int) -> Bool {
            var space = space([4: 1 << 20, 0x34: 0x40])
            for index in 0..<count { space.words[UInt8(0x40 + 4 * index)] = UInt32(0x44 + 4 * index) << 8 }
            space.words[UInt8(0x40 + 4 * (count - 1))] = 0x09
            return space.firstCapability { _, word in word & 0xff == 0x09 } != nil
        }
        #expect(isFound(1) && isFound(48))
        // In a circle that has none.
        let circle = space([4: 1 << 20, 0x34: 0x40, 0x40: 0x4000])
        var asked = 0
        #expect(
            circle.firstCapability { _, _ in
                asked += 1
                return false
            } == nil)
        #expect(asked == 48)
    }

    /// The capabilities for the common configuration and the notifications, at offsets, with numbers.
    private func virtio(
        common: UInt8 = 0x84, notify: UInt8 = 0x50, offsets: (UInt32, UInt32) = (0x1000, 0x3000), multiplier: UInt32 = 4
    ) -> ConfigurationWords {
        space([
            4: 1 << 20, 0x34: UInt32(common), common: 0x0110_0009 | UInt32(notify) << 8, common &+ 4: 0xffff_ff02,
            common &+ 8: offsets.0, notify: 0x0214_0009, notify &+ 4: 0xffff_ff04, notify &+ 8: offsets.1,
            notify &+ 16: multiplier,
        ])
    }

    @Test func virtioTellsWhereItsRegistersAre() throws {
        let places = try #require(VirtioPlaces(in: virtio()))
        #expect(places.commonRegion == 2 && places.commonOffset == 0x1000)
        #expect(places.notifyRegion == 4 && places.notifyOffset == 0x3000 && places.notifyMultiplier == 4)
        // Others of the vendor's, or of that number, are not these.
        for first in [0x0310_5009, 0x0110_5010] as [UInt32] {
            var other = virtio()
            other.words[0x84] = first
            #expect(VirtioPlaces(in: other) == nil)
        }
    }

    @Test func aVirtioCapabilityEndsInTheConfigurationSpace() {
        #expect(VirtioPlaces(in: virtio(common: 0xf0)) != nil && VirtioPlaces(in: virtio(common: 0xf4)) == nil)
        #expect(VirtioPlaces(in: virtio(notify: 0xec)) != nil && VirtioPlaces(in: virtio(notify: 0xf0)) == nil)
    }

    @Test func virtioPlacesAreSmallNumbers() {
        let limit: UInt32 = 1 << 30
        #expect(VirtioPlaces(in: virtio(offsets: (limit - 1, limit - 1), multiplier: 0xffff)) != nil)
        #expect(VirtioPlaces(in: virtio(offsets: (limit, 0))) == nil)
        #expect(VirtioPlaces(in: virtio(offsets: (0, limit))) == nil)
        #expect(VirtioPlaces(in: virtio(multiplier: 0x1_0000)) == nil)
    }

    /// Serial ATA AHCI 1.3.1, chapter 3, and Virtual I/O Device 1.2, section 4.1.4.3.
    @Test func registersAreWhereTheSpecificationsHaveThem() {
        #expect(
            [
                AHCIRegister.globalControl, AHCIRegister.interrupts, AHCIRegister.portsImplemented,
                AHCIRegister.port(0), AHCIRegister.port(1), AHCIRegister.port(31), AHCIRegister.port(32),
            ] == [0x04, 0x08, 0x0c, 0x100, 0x180, 0x1080, 0x100])
        #expect(
            [
                AHCIRegister.commandList, AHCIRegister.receivedFIS, AHCIRegister.portInterrupts,
                AHCIRegister.interruptEnable, AHCIRegister.command, AHCIRegister.taskFile, AHCIRegister.status,
                AHCIRegister.control, AHCIRegister.error,
            ] == [0, 0x08, 0x10, 0x14, 0x18, 0x20, 0x28, 0x2c, 0x30])
        #expect(
            [AHCIRegister.start, AHCIRegister.receive, AHCIRegister.isReceiving, AHCIRegister.isRunning]
                == [1, 0x10, 0x4000, 0x8000])
        #expect(
            [
                VirtioRegister.size, VirtioRegister.driverFeatureSelect, VirtioRegister.driverFeature,
                VirtioRegister.descriptors, VirtioRegister.driverArea, VirtioRegister.deviceArea, VirtioRegister.status,
                VirtioRegister.queueSelect, VirtioRegister.queueSize, VirtioRegister.queueEnable,
                VirtioRegister.queueNotifyOffset,
            ] == [0x38, 8, 12, 32, 40, 48, 20, 22, 24, 28, 30])
        #expect(
            [
                VirtioRegister.acknowledged, VirtioRegister.driver, VirtioRegister.driverOK, VirtioRegister.featuresOK,
            ] == [1, 2, 4, 8])
        #expect(VirtioRegister.versionOne == 1 << 32 && VirtioRegister.packedRing == 1 << 34)
    }
}
