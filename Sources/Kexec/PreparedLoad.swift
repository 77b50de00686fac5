// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux
internal import PayloadImages
internal import Handoff

/// A kernel and its initrds or modules, opened and mapped, with the plan made for them: everything short of the system
/// call.
///
/// Owns the open files; what the plan calls `.kernel` and `.initrd` are ranges of their maps.
public struct PreparedLoad: ~Copyable {
    /// What was asked for; of what a BIOS starts, what it came to for the payload that does that.
    public let request: KexecRequest
    /// The machine, with the firmware's state as `--firmware-state` named it.
    public let machine: MachineDescription
    /// Also where `plan.refusals` says that it cannot be loaded.
    public let plan: BootPlan
    private let kernel: ImageSource
    private let initrd: ImageSource
    /// The kernel as it was taken out of its bzImage, where the plan hands that over; no bytes otherwise.
    private let unpacked: MappedFile
    /// The same for the initrds.
    private let unpackedInitrd: MappedFile
    /// Bytes that an initrd may still become.
    private let memoryLimit: UInt64
    private let progress: Progress

    /// Opens and reads the files of `request`, and plans. Nothing is loaded, and nothing is changed.
    ///
    /// Whether the plan may be loaded is in it: a plan with refusals is a result, too.
    /// - Parameters:
    ///   - request: what is wanted.
    ///   - machine: what it is to be loaded on.
    ///   - directory: of a captured machine, where a disk whose boot sector is named is looked for.
    ///   - progress: hears of reading and unpacking, and of the load.
    /// - Throws: `.file`, `.image`, `.machine`
    public init(
        _ request: KexecRequest, on machine: MachineDescription, capturedIn directory: ByteString? = nil,
        progress: Progress = Progress()
    ) throws(KexecFailure) {
        var machine = machine
        if let path = request.firmwareState { machine.firmwareState = try Self.firmwareState(path) }
        var budget = MemoryBudget(on: machine)
        var request = request
        let bios = try BIOSBootSource(&request, on: machine, in: directory)
        let kernel = try Self.openKernel(request.kernel, isForBIOS: bios != nil, &budget, progress)
        let initrd = try Self.openOthers(of: request, &budget, progress)
        let planned = try Planned(kernel, initrd, for: request, on: machine, bios, &budget, progress)
        plan = planned.plan
        unpacked = planned.unpacked
        unpackedInitrd = planned.unpackedInitrd
        (self.request, self.machine, self.progress) = (request, machine, progress)
        memoryLimit = budget.limit(for: .initrd)
        self.kernel = kernel
        self.initrd = initrd
    }

    /// Loads the plan into the running kernel.
    ///
    /// - Important: what is loaded runs at the next `reboot` of many systems, also where nobody asks for kexec then.
    /// - Returns: the call that did it, and what was refused before.
    @discardableResult
    public borrowing func load() throws(KexecFailure) -> LoadReport {
        // What is refused need not be hashed.
        guard plan.isLoadable else { throw .load(.notLoadable(plan.refusals)) }
        let sealed: BootPlan
        progress.of(.digesting).tell(Int(clamping: plan.digestedBytes))
        do throws(PurgatoryImageError) {
            sealed = try plan.sealed(kernel: handedOver, initrd: handedOverInitrd)
        } catch { throw .purgatory(error) }
        let files = LoadFiles(
            kernel: kernel.fileDescriptor, initrd: request.initrds.isEmpty ? nil : initrd.fileDescriptor)
        do throws(LoadFailure) {
            return try sealed.load(
                for: request, on: machine, kernel: handedOver, initrd: handedOverInitrd, files: files,
                progress: progress)
        } catch { throw .load(error) }
    }

    /// What a kernel that starts at a panic needs of its memory. Unpacks the initrd, to see what becomes of it.
    borrowing func crashMemory() -> CrashMemory {
        let packed = request.initrds.isEmpty ? 0 : initrd.byteCount
        var files = packed
        if packed > 0 {
            do throws(UnpackingObstacle) {
                files = try UnpackedInitrd(initrd.bytes, limit: memoryLimit, progress: progress).map.byteCount
            } catch {}
        }
        return CrashMemory(
            of: CrashMemoryMap.make(for: machine), kernel: plan.imageMemory, initrd: UInt64(packed),
            files: UInt64(files))
    }

    /// What the plan's `.kernel` ranges are ranges of.
    private var handedOver: RawSpan {
        @_lifetime(borrow self)
        get { plan.isUnpacked ? unpacked.bytes : kernel.bytes }
    }

    /// What the plan's `.initrd` ranges are ranges of.
    private var handedOverInitrd: RawSpan {
        @_lifetime(borrow self)
        get { plan.isInitrdUnpacked ? unpackedInitrd.bytes : initrd.bytes }
    }

    private static func firmwareState(_ path: ByteString) throws(KexecFailure) -> [UInt8] {
        do throws(FileProblem) {
            return try OpenedFile(path: path).regularBytes(limit: Int(FirmwareStateHeader.maximumSize))
        } catch { throw .file(FileFailure(path: path, problem: error)) }
    }

    /// The image, or the payload that has the BIOS start it.
    private static func openKernel(
        _ path: ByteString, isForBIOS: Bool, _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(KexecFailure) -> ImageSource {
        do throws(FileFailure) {
            return isForBIOS
                ? try ImageSource(made: biosBootImage(), path: path)
                : try ImageSource(kernel: path, drawingFrom: &budget, progress: progress)
        } catch { throw .file(error) }
    }

    /// Initrds, or modules: no image takes both.
    private static func openOthers(
        of request: KexecRequest, _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(KexecFailure) -> ImageSource {
        guard !request.initrds.isEmpty || !request.modules.isEmpty else { return .nothing() }
        do throws(FileFailure) {
            return request.initrds.isEmpty
                ? try ImageSource(modules: request.moduleFiles, drawingFrom: &budget, progress: progress)
                : try ImageSource(initrds: request.initrds, drawingFrom: &budget, progress: progress)
        } catch { throw .file(error) }
    }

    fileprivate static func recognise(
        _ source: borrowing ImageSource, for request: KexecRequest
    ) throws(KexecFailure) -> KernelImage {
        let kind: ImageKind
        switch request.forcedType {
        case nil, .bzImage64?: kind = .bzImage64
        case .bzImage?: kind = .bzImage
        case .elfX86_64?: kind = .elfX86_64
        case .elfX86?: kind = .elfX86
        case .multibootX86?: kind = .multibootX86
        case .multiboot2X86?: kind = .multiboot2X86
        case .nbiX86?: kind = .nbiX86
        case .some(let other): throw .typeNotSupported(other, path: source.path)
        }
        do throws(ImageError) {
            return request.forcedType == nil
                ? try KernelImage(recognizing: source.bytes, asELF: request.namesELFArguments)
                : try KernelImage(source.bytes, as: kind)
        } catch { throw .image(error, path: source.path) }
    }

    fileprivate static func facts(of image: KernelImage, _ source: borrowing ImageSource) -> ImageFacts {
        var facts = ImageFacts(
            path: source.path, kind: image.kind.name, compression: source.compression.map { $0.name })
        if case .bzImage(let bzImage) = image { facts.bootProtocol = bzImage.header.version }
        return facts
    }

    /// For the next kernel; nil where there are none.
    /// - Parameter canBePoor: also while the pool is not ready. A poor seed is worse than none for it to begin with, but
    ///   for an address it is what a decompressor has, too.
    fileprivate static func randomBytes(_ count: Int, canBePoor: Bool) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let flags = UInt32(canBePoor ? GRND_INSECURE : GRND_NONBLOCK)
        // The buffer has as many bytes as the call is told.
        let written = unsafe bytes.withUnsafeMutableBytes { unsafe getrandom($0.baseAddress, $0.count, flags) }
        return written == count ? bytes : nil
    }
}

/// What comes of the files. Apart from their owner: a function that lends a span of a file cannot give the file away.
private struct Planned: ~Copyable {
    let plan: BootPlan
    /// No bytes where the file goes as it is; what found no place is not kept, for memory is short then.
    let unpacked: MappedFile
    let unpackedInitrd: MappedFile

    init(
        _ kernel: borrowing ImageSource, _ initrd: borrowing ImageSource, for request: KexecRequest,
        on machine: MachineDescription, _ bios: BIOSBootSource?, _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(KexecFailure) {
        try bios?.check(initrd.bytes, of: request)
        let image = try PreparedLoad.recognise(kernel, for: request)
        var planner = BootPlanner(
            request: request, machine: machine, seed: PreparedLoad.randomBytes(32, canBePoor: false))
        planner.placementSeed = PreparedLoad.randomBytes(16, canBePoor: true).flatMap { PlacementSeed($0) }
        planner.trace.stamp(since: machine.readAt)
        if image.ownPayload == .kexecTest, machine.isRunning {
            planner.firmwareSums = FirmwareSums(readingMemory: "/dev/mem")
        }
        if image.kind == .multiboot2X86, machine.isRunning, let address = machine.rsdp {
            planner.rootPointer = ACPIRootPointer(at: address, readingMemory: "/dev/mem")
        }
        let facts = PreparedLoad.facts(of: image, kernel)
        let initrdSize = request.initrds.isEmpty ? 0 : initrd.byteCount
        planner.memoryTaken = budget.taken
        let unpacked = planner.unpack(
            image, facts, kernel.bytes, initrdSize: initrdSize, memoryLimit: budget.limit(for: .kernel),
            progress: progress)
        budget.takeUnpacked(unpacked.byteCount, of: .kernel)
        let unpackedInitrd = planner.unpackInitrd(
            initrd.bytes, for: image, facts, unpackedKernel: unpacked.byteCount,
            memoryLimit: budget.limit(for: .initrd), progress: progress)
        var plan = planner.plan(
            image, facts: facts, kernel: kernel.bytes, initrdSize: initrdSize,
            modules: request.initrds.isEmpty ? initrd.parts : [])
        if let bios {
            plan.image.kind = bios.type.rawValue
            if let obstacle = bios.obstacle { plan.refusals = [.biosBoot(obstacle, bios.type)] }
        }
        self.plan = plan
        self.unpacked = plan.isUnpacked ? unpacked : MappedFile()
        self.unpackedInitrd = plan.isInitrdUnpacked ? unpackedInitrd : MappedFile()
    }
}
