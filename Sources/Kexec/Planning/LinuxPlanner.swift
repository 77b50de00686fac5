// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Plans a bzImage by its 64-bit entry, or by the 32-bit one where it has no other or the user asks for that ("64-bit BOOT
/// PROTOCOL" and "32-bit BOOT PROTOCOL" in the boot protocol document).
struct LinuxPlanner {
    let image: BzImage
    /// The image's bytes from 0x1f1: what boot_params takes over.
    let setupHeader: [UInt8]
    let initrdSize: Int
    let parameters: BootParametersPlanner

    /// The 64-bit entry lies here in the protected-mode kernel; the 32-bit one is its first byte.
    private static let longModeEntryOffset: UInt64 = 0x200
    /// The oldest protocol whose kernels take the command line from where the header says, and not from their real-mode
    /// code's segment.
    private static let oldestProtectedMode: UInt16 = 0x0202
    /// Up to here a kernel of 32 bits can move itself (its `KERNEL_IMAGE_SIZE`). It begins low, as a boot loader would put
    /// it: near the end of what it maps at once, some 890 MiB, it finds no place for its page tables and hangs.
    private static let kernelEnd32 = PhysicalAddress(0x2000_0000)
    /// The in-kernel loader's lower bound for a kernel (`MIN_KERNEL_LOAD_ADDR`).
    private static let lowestKernel: UInt64 = 0x10_0000

    /// Where an unpacked kernel lies, and when it gets its place.
    struct Place {
        /// Says which of all places it is; nil: the highest.
        var random: UInt64?
        /// All else is placed around it; otherwise it gets what all else has left.
        var comesFirst = false
    }

    /// Adds all segments of the image to `draft`.
    /// - Parameters:
    ///   - unpacked: the kernel as it was taken out of the image; nil: the image goes as it is.
    ///   - wanted: where the unpacked kernel lies.
    /// - Returns: what purgatory has to do; nil where the draft was refused.
    func plan(
        _ draft: inout PlanDraft, _ unpacked: UnpackedLinux? = nil, at wanted: Place = Place()
    ) -> PurgatoryPlan? {
        let header = image.header
        guard header.isLoadedHigh else {
            draft.refuse(.entryMissing(.loadedHigh))
            return nil
        }
        guard mode == .longMode || header.version >= Self.oldestProtectedMode else {
            draft.refuse(.entryMissing(.protectedMode(bootProtocol: header.version)))
            return nil
        }
        var entry: PhysicalAddress?
        if let unpacked, wanted.comesFirst { entry = place(unpacked, wanted.random, &draft) }
        if unpacked == nil { entry = placeKernel(&draft) }
        if entry == nil, unpacked == nil || wanted.comesFirst { return nil }
        var initrd: PhysicalRange?
        if initrdSize > 0 {
            guard let home = draft.addInitrd(size: initrdSize, below: initrdEnd) else { return nil }
            initrd = home
        }
        var zeroPage = BootParameters()
        zeroPage.setHeader(setupHeader)
        if wanted.random != nil { zeroPage.setRandomised() }
        guard
            let result = parameters.add(
                zeroPage, initrd: initrd, initrdSize: UInt64(initrdSize), bounds: bounds, to: &draft)
        else { return nil }
        if let unpacked, entry == nil { entry = place(unpacked, wanted.random, &draft) }
        guard let entry else { return nil }
        // By the 32-bit entry there is no paging at all.
        let turnsOff = parameters.machine.uses5LevelPaging && mode == .longMode && !header.supports5LevelPaging
        return PurgatoryPlan(
            mode: mode, entry: entry, rsi: result.address.rawValue, turnsOff5LevelPaging: turnsOff,
            console: parameters.request.console, trace: result.trace)
    }

    private var mode: PurgatoryPlan.Mode {
        image.header.has64BitEntry && !parameters.request.entry32Bit ? .longMode : .protectedMode
    }

    /// Whether kernel, initrd and boot_params may lie anywhere: not where the kernel holds 32-bit pointers to them.
    private var reachesAllMemory: Bool { mode == .longMode && image.header.canBeLoadedAbove4G }

    private var bounds: PhysicalRange {
        PhysicalRange(from: .zero, to: reachesAllMemory ? PhysicalAddress(.max) : .fourGiB)
    }

    /// Only the file's bytes are handed over; the rest of `init_size` is kept free of other segments, for the kernel
    /// unpacks itself there and clears what it needs clear.
    /// - Returns: its entry.
    private func placeKernel(_ draft: inout PlanDraft) -> PhysicalAddress? {
        let size = max(image.header.initSize, UInt64(image.protectedModeKernel.count))
        guard let home = kernelHome(size: size, &draft),
            let place = PhysicalRange(
                start: home.start,
                size: UInt64(image.protectedModeKernel.count).roundedUp(to: pageSize) ?? .max)
        else { return nil }
        draft.add(
            Segment(name: "kernel", place: place, reserved: home, contents: .kernel(image.protectedModeKernel)))
        return place.start.advanced(by: mode == .longMode ? Self.longModeEntryOffset : 0)
    }

    /// All of its memory is kept free for it, whose end (`.bss`, `.brk`) it clears itself.
    /// - Returns: its entry.
    private func place(
        _ kernel: UnpackedLinux, _ random: UInt64?, _ draft: inout PlanDraft
    ) -> PhysicalAddress? {
        let header = image.header
        let linked = header.preferredAddress
        let wanted = PlacementRequest(
            size: size(of: kernel, isDrawn: random != nil), alignment: UInt64(header.kernelAlignment),
            bounds: PhysicalRange(from: PhysicalAddress(linked), to: bounds.end), preference: .highest)
        guard let home = draft.home(for: "kernel", wanted, random: random) else { return nil }
        for (index, load) in kernel.segments.enumerated() {
            // As linked it lies within `init_size`, in whole pages: that was checked.
            let start = home.start.rawValue + (load.physicalAddress.rawValue - linked)
            guard let size = load.memorySize.roundedUp(to: pageSize),
                let place = PhysicalRange(start: PhysicalAddress(start), size: size)
            else { return nil }
            draft.add(
                Segment(
                    name: index == 0 ? "kernel" : "kernel-\(index + 1)", place: place,
                    reserved: index == 0 ? home : place, contents: .kernel(load.file)))
        }
        return PhysicalAddress(home.start.rawValue + (kernel.entry - linked))
    }

    /// What is kept free for an unpacked kernel: `init_size`. Where it is drawn, what it uses before it knows its memory
    /// map, in whole pages of 2 MiB, by which it maps itself: the rest of `init_size` is for its decompressor, and would
    /// cost places in each piece of free memory.
    func size(of kernel: UnpackedLinux, isDrawn: Bool) -> UInt64 {
        let all = image.header.initSize
        guard isDrawn else { return all }
        let used = kernel.memoryEnd.rawValue &- image.header.preferredAddress
        return min(used.roundedUp(to: 0x20_0000) ?? all, all)
    }

    private func kernelHome(size: UInt64, _ draft: inout PlanDraft) -> PhysicalRange? {
        let header = image.header
        let start = PhysicalAddress(max(Self.lowestKernel, header.preferredAddress))
        guard header.isRelocatable else {
            guard let rounded = size.roundedUp(to: pageSize), let range = PhysicalRange(start: start, size: rounded),
                draft.claim(range, for: "kernel")
            else { return nil }
            return range
        }
        return draft.home(
            for: "kernel",
            PlacementRequest(
                size: size, alignment: UInt64(header.kernelAlignment),
                bounds: PhysicalRange(from: start, to: header.has64BitEntry ? bounds.end : Self.kernelEnd32),
                preference: header.has64BitEntry ? .highest : .lowest))
    }

    /// Before the 64-bit fields were there, `initrd_addr_max` was the last byte an initrd may use.
    private var initrdEnd: PhysicalAddress {
        reachesAllMemory ? bounds.end : PhysicalAddress(UInt64(image.header.initrdAddressMaximum) + 1)
    }
}
