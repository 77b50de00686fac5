// SPDX-License-Identifier: MIT
import Hardware
import StandaloneAssembly

// A kernel that is none: it finds out what a jump from Linux has left of the machine, and whether its BIOS still works.
//
// Words on its command line:
//     serial=ttyS0|ttyS1|0xPORT   where to write besides the screen        baud=SPEED   as it is, without it
//     end=halt|reboot|poweroff    afterwards; poweroff without it
//     limit=SECONDS               for one call of the BIOS, 1 to 3600; 10 without it
//     ivt= bda= rom=SUM           of memory as it was before the jump, by the loader
//     firmware-state=ADDRESS      a record of the disk controllers' state, by kexec --record-firmware-state

@c(payload_main)
public func main(_ parameters: UnsafeRawPointer) {
    unsafe settleBelow4GiB(parameters)
    let handover = unsafe Handover(parameters)
    unsafe mapFirst4GiB(by: own_page_tables())
    var report = Report(Console(handover.words))
    report.console.put("\nkexec_test: what is left of this machine")
    // First what only reads; then what repairs, and the BIOS.
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
    } else if hasBIOS {
        report.begin("memory below 640 KiB")
        report.fail("the BIOS leaves no room to call it from")
    }
    let tables = checkACPI(&report)
    _ = report.end()
    end(handover.words, tables, &report.console)
}
