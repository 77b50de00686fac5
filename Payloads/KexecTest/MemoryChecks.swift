// SPDX-License-Identifier: MIT
import Hardware
import StandaloneAssembly

/// What the BIOS keeps in the first megabyte: compared with the sums that the loader took before the jump.
/// - Returns: whether there is a BIOS that can be called.
func checkMemory(_ handover: Handover, _ report: inout Report) -> Bool {
    guard !handover.isEFI else {
        report.begin("BIOS")
        report.skip("UEFI has started this machine, there is none")
        return false
    }
    compare("interrupt vectors", "ivt", 0..<0x400, handover.words, &report)
    compare("BIOS data area", "bda", 0x400..<0x500, handover.words, &report)
    let start = BIOS.extendedDataArea
    let isSane = start >= 0x8_0000 && start < 0xa_0000
    if isSane {
        compare("extended BIOS data area", "ebda", start..<0xa_0000, handover.words, &report)
    } else {
        report.begin("extended BIOS data area")
        report.skip("the BIOS has none")
    }
    compare("option ROMs and BIOS", "rom", 0xc_0000..<0x10_0000, handover.words, &report)

    report.begin("vectors")
    let usable =
        isUsable(0x08) && isUsable(0x10) && isUsable(0x13) && isUsable(0x15) && isUsable(0x16) && isUsable(0x19)
    report.judge(usable, else: "some lead to where the BIOS has no code: the loader has overwritten them")
    report.fact("08", BIOS.word(0x08 * 4))
    report.fact("10", BIOS.word(0x10 * 4))
    report.fact("13", BIOS.word(0x13 * 4))
    report.fact("15", BIOS.word(0x15 * 4))
    report.fact("16", BIOS.word(0x16 * 4))
    report.fact("19", BIOS.word(0x19 * 4))
    return usable
}

/// Above conventional memory: in the extended data area, or in a ROM.
private func isUsable(_ vector: UInt) -> Bool {
    let value = UInt(BIOS.word(vector &* 4))
    return (value >> 16) << 4 &+ (value & 0xffff) >= BIOS.conventionalMemory &* 1024 && value != 0
}

private func compare(
    _ name: StaticString, _ word: StaticString, _ range: Range<UInt>, _ words: CommandLine, _ report: inout Report
) {
    report.begin(name)
    let sum = sum(range)
    if let wanted = words.value(of: word)?.number {
        report.judge(UInt64(sum) == wanted, else: "not what it was before the jump")
        if UInt64(sum) != wanted { report.fact("before", wanted) }
    } else {
        report.skip("the loader has left nothing to compare with")
    }
    report.fact("at", range.lowerBound)
    report.fact("sum", sum)
}

/// What the loader computes as well: a sum of 32-bit words that is rotated left by one before each of them.
private func sum(_ range: Range<UInt>) -> UInt32 {
    var sum: UInt32 = 0
    var address = range.lowerBound
    while address < range.upperBound {
        sum = (sum << 1 | sum >> 31) &+ BIOS.word(address)
        address &+= 4
    }
    return sum
}
