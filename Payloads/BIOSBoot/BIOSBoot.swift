// SPDX-License-Identifier: MIT
import Hardware
import StandaloneAssembly

// A kernel that is none: it puts the machine back as firmware left it, and does what the BIOS would do next, or what it could
// not: it starts a boot sector.
//
// Words on its command line:
//     boot=sector|image     what to start: a drive's boot sector, or the disk image that the ram disk is; without it, an
//                           image where there is a ram disk. A boot sector may be the ram disk, too.
//     drive=NUMBER          the BIOS's number of the drive; 0x80 without it. Of an image: 0 a floppy disk, 0x80 a hard disk
//     sum=NUMBER            of the boot sector: the first drive from 0x80 on that has it is taken
//     lba=NUMBER            where the boot sector is: a partition's first sector
//     nvme=NUMBER           the boot sector is on the disk of this NVMe controller: its bus times 256, plus its device times
//                           8, plus its function; namespace=NUMBER chooses another than the first
//     heads= sectors=       of an image, where it does not tell
//     serial= baud=         where to write besides the screen
//     firmware-state=ADDRESS  a record of the disk controllers' state, by kexec --record-firmware-state
//     wait=SECONDS          until the machine is reset after bad news; 30 without it

@c(payload_main)
public func main(_ parameters: UnsafeRawPointer) {
    unsafe settleBelow4GiB(parameters)
    let handover = unsafe Handover(parameters)
    unsafe mapFirst4GiB(by: own_page_tables())
    var ending = Ending(handover.words)
    guard !handover.isEFI else { ending.giveUp("this machine was started by EFI: it has no BIOS") }
    guard InterruptVector(0x13).value != 0, InterruptVector(0x15).value != 0 else {
        ending.giveUp("the BIOS's interrupt vectors were overwritten")
    }
    // A copy of the payload finds it done, and must not do it twice: the BIOS's lists may have gone on.
    if handover.entry.kind != goneOn { prepareFirmware(record: handover.firmwareState) }
    guard var bios = BIOS(ending) else { ending.giveUp("the BIOS leaves no room below 640 KiB") }
    bios.checkTick()
    let what = handover.words.value(of: "boot")
    let isImage = what.map { $0 == "image" } ?? (handover.ramdisk.size > 0)
    if let controller = handover.words.value(of: "nvme")?.number { bootNVMe(at: controller, handover, &bios) }
    if isImage { bootImage(handover, &bios) }
    bootSector(handover, &bios)
}
