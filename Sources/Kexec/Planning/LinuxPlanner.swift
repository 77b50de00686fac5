// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Plans a bzImage by its 64-bit entry ("64-bit BOOT PROTOCOL" in the boot protocol document).
struct LinuxPlanner {
    let image: BzImage
    /// The image's bytes from 0x1f1: what boot_params takes over.
    let setupHeader: [UInt8]
    let initrdSize: Int
    let parameters: BootParametersPlanner

    /// The 64-bit entry lies here in the protected-mode kernel.
    private static let longModeEntryOffset: UInt64 = 0x200
    /// The in-kernel loader's lower bound for a kernel (`MIN_KERNEL_LOAD_ADDR`).
    private static let lowestKernel: UInt64 = 0x10_0000

    /// Adds all segments of the image to `draft`.
    /// - Returns: what purgatory has to do; nil where the draft was refused.
    func plan(_ draft: inout PlanDraft) -> PurgatoryPlan? {
        let header = image.header
        guard header.has64BitEntry else {
            draft.refuse(.entryMissing(.longMode(bootProtocol: header.version)))
            return nil
        }
        guard header.isLoadedHigh else {
            draft.refuse(.entryMissing(.loadedHigh))
            return nil
        }
        guard let kernel = placeKernel(&draft) else { return nil }
        draft.add(kernel)
        var initrd: PhysicalRange?
        if initrdSize > 0 {
            guard let segment = placeInitrd(&draft) else { return nil }
            draft.add(segment)
            initrd = segment.place
        }
        var zeroPage = BootParameters()
        zeroPage.setHeader(setupHeader)
        guard
            let result = parameters.add(
                zeroPage, initrd: initrd, initrdSize: UInt64(initrdSize), bounds: bounds, to: &draft),
            let entry = kernel.place.start.advanced(by: Self.longModeEntryOffset)
        else { return nil }
        let turnsOff = parameters.machine.uses5LevelPaging && !header.supports5LevelPaging
        return PurgatoryPlan(
            mode: .longMode, entry: entry, rsi: result.address.rawValue, turnsOff5LevelPaging: turnsOff,
            console: parameters.request.console, trace: result.trace)
    }

    /// Where kernel, initrd and boot_params may lie: anywhere, or below 4 GiB for kernels that hold 32-bit pointers.
    private var bounds: PhysicalRange {
        PhysicalRange(
            from: .zero, to: image.header.canBeLoadedAbove4G ? PhysicalAddress(.max) : .fourGiB)
    }

    /// Only the file's bytes are handed over; the rest of `init_size` is kept free of other segments, for the kernel
    /// unpacks itself there and clears what it needs clear.
    private func placeKernel(_ draft: inout PlanDraft) -> Segment? {
        let size = max(image.header.initSize, UInt64(image.protectedModeKernel.count))
        guard let home = kernelHome(size: size, &draft),
            let place = PhysicalRange(
                start: home.start,
                size: UInt64(image.protectedModeKernel.count).roundedUp(to: pageSize) ?? .max)
        else { return nil }
        return Segment(
            name: "kernel", place: place, reserved: home, contents: .kernel(image.protectedModeKernel))
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
                bounds: PhysicalRange(from: start, to: bounds.end), preference: .highest))
    }

    private func placeInitrd(_ draft: inout PlanDraft) -> Segment? {
        // Before the 64-bit fields were there, `initrd_addr_max` was the last byte an initrd may use.
        let end =
            image.header.canBeLoadedAbove4G
            ? bounds.end : PhysicalAddress(UInt64(image.header.initrdAddressMaximum) + 1)
        let request = PlacementRequest(
            size: UInt64(initrdSize), bounds: PhysicalRange(from: PlacementPolicy.lowestInitrd, to: end),
            preference: .highest)
        guard let home = draft.home(for: "initrd", request) else { return nil }
        return Segment(name: "initrd", place: home, contents: .initrd(0..<initrdSize))
    }
}
