// SPDX-License-Identifier: MIT
// Writes the files that fuzzing starts from: what the tests' builders make.
// usage: write-seeds FOLDER
import BootFormats
import Foundation
import Handoff

@main struct WriteSeeds {
    static func main() throws {
        let folder = CommandLine.arguments[1]
        var seeds: [String: [[UInt8]]] = [:]
        let small = BzImageBuilder(setupSectors: 1, kernelSize: 0x240, payload: (0x10, 0x200))
        let images = ([0x200, 0x203, 0x206, 0x208, 0x20a, 0x20f] as [UInt16]).map { version in
            var image = small
            image.version = version
            return image.bytes
        }
        seeds["BzImage"] = images.map { Array($0[0x1f0...]) }
        let note: [UInt8] = [4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, 0x58, 0x65, 0x6e, 0, 1, 2, 3, 4]
        seeds["ELF"] = [true, false].flatMap { isWide in
            let programs = [
                ELFBuilder.Header(
                    physicalAddress: 0x100_0000, fileSize: 16, contents: [UInt8](repeating: 0x90, count: 16)),
                ELFBuilder.Header(type: 4, contents: note),
            ]
            let image = ELFBuilder(isWide: isWide, machine: isWide ? 62 : 3, headers: programs)
            return [image.bytes, ELFBuilder(isWide: isWide, machine: isWide ? 62 : 6).bytes]
        }
        seeds["Decompression"] = CompressedSample.all.map(\.bytes)
        seeds["LZ4Block"] = CompressedSample.all.filter { $0.compression == .lz4 }.map { Array($0.bytes[11...]) }
        let archive = InitrdBuilder.archive("a", padding: 4)
        seeds["Initrd"] =
            PackedArchive.all.map { archive + $0.bytes }
            + [
                InitrdBuilder.lz4(archive) + [0, 0, 0, 0] + InitrdBuilder.gzip(archive, flags: 8),
                archive + InitrdBuilder.bootconfig("k=v"),
            ]
        seeds["UnpackedLinux"] = [
            VmlinuxBuilder().bytes, VmlinuxBuilder(lists: [[0x8100_0010], [0x8100_0030]]).bytes,
            VmlinuxBuilder(hasTable: false).bytes,
        ]
        seeds["Recognition"] = images + (seeds["ELF"] ?? []) + CompressedSample.all.map { Array($0.bytes.prefix(32)) }
        let addresses: [MultibootBuilder.Tag] = [.words(2, 0x10_0000, 0x10_0000, 0x10_0080, 0), .words(3, 0x10_0020)]
        var flat = MultibootBuilder.two(.words(1, 4, 6), .words(5, 1024, 768, 32, isOptional: true), isELF: false)
        flat.tags.insert(contentsOf: addresses, at: 0)
        let multiboot = [
            MultibootBuilder.one(), .one(flags: 1 << 16 | 7, isELF: false), flat,
            .two(.words(6), .relocatable(0x20_0000, 0xffff_ffff, 0x1000, 2)),
        ].map(\.bytes)
        seeds["Multiboot"] = multiboot
        seeds["NBI"] = [NBIBuilder.linux, .relative].map(\.bytes)
        seeds["FirmwareState"] = [1, 0, 6].map { firmwareStateRecord(ports: $0).encoded }
        seeds["Planning"] = images + (seeds["ELF"] ?? []) + multiboot
        seeds["Options"] = [
            "-l\0vmlinuz\0--initrd=i\0--append=a b", "-p\0-u", "--mem-min=0x1000\0--mem-max\0-1G\0-tbzImage\0k",
            "--plan=json\0--machine=d\0--serial=ttyS1\0--serial-baud=9600\0-\0--\0-x",
        ].map { Array($0.utf8) }
        let texts = [
            "00001000-0009fbff : System RAM\n  00100000-001fffff : Crash kernel\n", "BOOT_IMAGE=/v a=\"b c\" no5lvl",
            "MemTotal:  1014540 kB\nMemAvailable: 1 kB\n", "ACPI20=0x3f77e014\nSMBIOS=0x1\n",
            "CONFIG_KEXEC=y\n# CONFIG_KEXEC_SIG is not set\n", "flags\t\t: fpu la57 sha_ni\n",
            "0x0\00x9fbff\0System RAM", "root=/dev/sda1 BOOT_IMAGE=x",
        ]
        seeds["MachineText"] = texts.enumerated().map { [UInt8($0.offset)] + Array($0.element.utf8) }
        seeds["KernelRecords"] = [
            [0] + Array("SWKXTRC1".utf8) + [1, 0] + [UInt8](repeating: 0, count: 86),
            [1] + [UInt8](repeating: 0, count: 0x1c0) + Array("EL64".utf8) + [UInt8](repeating: 1, count: 0x30),
            // A route: its header, struct rtmsg, and RTA_OIF.
            [2, 36, 0, 0, 0, 24, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]
                + [8, 0, 4, 0, 2, 0, 0, 0],
        ]
        for (target, files) in seeds {
            let path = "\(folder)/\(target)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (index, bytes) in files.enumerated() {
                try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/seed-\(index)"))
            }
        }
    }
}
