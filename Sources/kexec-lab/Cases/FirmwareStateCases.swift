// SPDX-License-Identifier: MIT

/// Disks that the BIOS reads again after Linux's driver had them: what firmware left is recorded before the driver loads,
/// and given back before the jump's target runs.
enum FirmwareStateCases: CaseGroup {
    static let all: [Case] = controllers.map(restored) + [lost, refused]

    private static let controllers: [DiskController] = [
        .ahci, .ahciQ35, .virtioBlkTransitional, .virtioBlk, .virtioSCSI,
    ]

    /// Loads the driver, and has it read the line that the BIOS has to read again.
    private static let loadDriver =
        DiskController.use + "say read=$(dd if=$disk bs=512 skip=1 count=1 2>/dev/null | tr -d '\\n\\0')\n"

    private static func files(_ controller: DiskController) -> @Sendable (Workshop) async throws -> [String: GuestFile]
    {
        { workshop in
            var files = try await controller.drivers(workshop)
            files["boot/reader"] = .host(try await DiskReader.kernel(in: workshop))
            return files
        }
    }

    private static func disks(_ controller: DiskController) -> @Sendable (Workshop) async throws -> [String] {
        { controller.options(try await DiskReader.disk(in: $0)) }
    }

    private static func restored(_ controller: DiskController) -> Case {
        Case(
            name: "firmware-state/\(controller.rawValue)/restored",
            summary:
                "the BIOS reads a disk after Linux's driver did: \(controller.rawValue), state recorded and given back",
            firstKernel: .linux61Full, files: files(controller), disks: disks(controller),
            script: """
                mkdir -p /run/swift-kexec
                try record kexec --record-firmware-state=/run/swift-kexec/firmware-state
                \(loadDriver)
                try load kexec -l /boot/reader --console-serial && jump
                """,
            expect: [
                #"^\| 0000:00:.* \S+: recorded"#, "^LAB record rc=0", "^LAB disk read=65536$",
                "^LAB read=LAB read from the disk", "^LAB load rc=0 loaded=1", "^LAB jump",
                "^LAB read from the disk, 600 times",
            ], needsOurs: true)
    }

    /// No record, and one that was made after the driver had loaded: said, not silent.
    private static let lost = Case(
        name: "firmware-state/lost",
        summary: "controllers that cannot be given back are named when a load needs the BIOS",
        firstKernel: .linux61Full, files: files(.virtioBlkTransitional), disks: disks(.virtioBlkTransitional),
        script: loadDriver + """
            try none kexec -l /boot/reader
            try late kexec --record-firmware-state=/tmp/late
            try late-load kexec -l /boot/reader --firmware-state=/tmp/late
            """,
        expect: [
            "^LAB disk read=65536$", "^LAB read=LAB read from the disk",
            #"^\| kexec: warning: the BIOS has lost the disks of '0000:00:0"#, "^LAB none rc=0 loaded=1",
            #"^\| kexec: warning: a driver has a controller already"#, "^LAB late rc=0",
            #"^\| kexec: warning: the BIOS has lost .* when its state was recorded"#, "^LAB late-load rc=0",
            "^LAB end first",
        ], needsOurs: true)

    private static let refused = Case(
        name: "firmware-state/refused", summary: "records of another machine, cut short or changed load nothing",
        firstKernel: .linux61Full, files: files(.virtioBlkTransitional), disks: disks(.virtioBlkTransitional),
        script: """
            try record kexec --record-firmware-state=/tmp/state
            head -c 100 /tmp/state > /tmp/short
            try short kexec -l /boot/reader --firmware-state=/tmp/short
            { head -c 40 /tmp/state; printf x; tail -c +42 /tmp/state; } > /tmp/changed
            try changed kexec -l /boot/reader --firmware-state=/tmp/changed
            # The screen is nothing that is given back, the disk is.
            echo 1 > /sys/bus/pci/devices/0000:00:02.0/remove
            try screen kexec -l /boot/reader --firmware-state=/tmp/state; kexec -u
            for function in /sys/bus/pci/devices/*; do
                [ $(cat $function/vendor) != 0x1af4 ] || echo 1 > $function/remove
            done
            try removed kexec -l /boot/reader --firmware-state=/tmp/state
            try missing kexec -l /boot/reader --firmware-state=/tmp/none
            """,
        expect: [
            "^LAB record rc=0", #"^\| kexec: .*its size \(stated at offset 12\) is"#, "^LAB short rc=3 loaded=0",
            #"^\| kexec: .*its checksum"#, "^LAB changed rc=3 loaded=0",
            "^LAB screen rc=0 loaded=1", #"^\| kexec: .*PCI function '0000:00:03.0': missing"#,
            "^LAB removed rc=4 loaded=0",
            #"^\| kexec: .*'/tmp/none'"#, "^LAB missing rc=2 loaded=0", "^LAB end first",
        ], needsOurs: true)
}
