// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif
#if canImport(Handoff)
    import Handoff
#endif

/// An image, and the page that it lies in. The module stays as long as there is one.
@safe struct ImagePage: ~Copyable {
    private let page: Block
    let image: UnsafeMutablePointer<Image>

    /// nil: no memory.
    init?(entry: UInt64) {
        guard let page = Block.allocate() else { return nil }
        self.page = page
        glue_pin()
        // An image is some hundred bytes; a test holds that it fits.
        unsafe image = glue_pointer(page.start.rawValue).assumingMemoryBound(to: Image.self)
        unsafe image.initialize(to: Image(entry: entry))
    }

    deinit {
        unsafe image.deinitialize(count: 1)
        page.free()
        glue_unpin()
    }
}

/// Calls exclude each other (linux_glue.c), so nothing here is shared between processors.
nonisolated(unsafe) private var loaded: ImagePage?

@c(core_ioctl)
public func core_ioctl(_ command: UInt32, _ argument: UInt64) -> Int64 {
    guard let refusal = perform(command, argument) else { return 0 }
    refusal.log()
    return refusal.errno
}

@c(core_close)
public func core_close() { unsafe loaded = nil }

/// The last step of the shutdown: devices and the other processors are down.
@c(core_depart)
public func core_depart() {
    guard let image = unsafe loaded?.image else { return }
    unsafe glue_depart(
        image.pointee.copies.head.rawValue, image.pointee.tables.root.rawValue, image.pointee.entry,
        image.pointee.control.rawValue)
}

private func perform(_ command: UInt32, _ argument: UInt64) -> Refusal? {
    guard glue_may_boot() else { return .notPrivileged }
    switch ModuleCommand(rawValue: command) {
    case .load: return load(argument)
    case .unload: return unload()
    case .status: return tellStatus(argument)
    case .execute: return execute()
    case .dryRun: return refusalToLeave() ?? rehearse()
    case nil: return .unknownCommand(command)
    }
}

// MARK: Loading

// Kernel stacks have 16 KiB for all: each call has a frame of its own, not the largest of all.
@inline(never) private func load(_ argument: UInt64) -> Refusal? {
    if let refusal = refusalBySiblings() ?? refusalToLoad() ?? refusalByPolicy() { return refusal }
    var request = ModuleLoad(entry: 0, segmentCount: 0, segments: 0, flags: 0)
    guard CallerMemory.read(&request, at: argument) else { return .badAddress }
    if let refusal = request.refusal { return refusal }
    guard let new = ImagePage(entry: request.entry) else { return .noMemory }
    if let refusal = unsafe new.image.pointee.load(Int(request.segmentCount), at: request.segments) { return refusal }
    unsafe log(
        "loaded: entry 0x%llx, %llu pages to copy, %llu in place", request.entry,
        new.image.pointee.copies.pagesToCopy, new.image.pointee.supply.pagesInPlace)
    unsafe log("control page at 0x%llx", new.image.pointee.control.rawValue)
    unsafe loaded = consume new
    return nil
}

private func unload() -> Refusal? {
    if let refusal = refusalToLoad() { return refusal }
    unsafe loaded = nil
    return nil
}

/// What Linux asks of kexec_load too, in its order: the switch and the limit, which counts every call that it lets pass.
private func refusalToLoad() -> Refusal? {
    if glue_is_disabled() { return .switchedOff }
    guard glue_loads_left() != 0 else { return .loadLimitUsedUp }
    glue_count_load()
    return nil
}

/// First of all, for what is loaded could not be started. Asked at the jump again: they may have been switched off since.
private func refusalBySiblings() -> Refusal? {
    let siblings = glue_sleeping_siblings()
    return siblings == 0 ? nil : .sleepingSiblings(isForGood: siblings > 1)
}

/// Asked at the jump again: the kernel may have been locked down since.
private func refusalByPolicy() -> Refusal? {
    if glue_memory_is_encrypted() { return .memoryEncrypted }
    if glue_shares_memory_with_hypervisor() { return .guestWithSharedMemory }
    let policy = glue_load_policy()
    if policy != 0 { return .policy(Int64(policy)) }
    let lockdown = glue_locked_down()
    return lockdown == 0 ? nil : .lockedDown(Int64(lockdown))
}

extension ModuleLoad {
    /// What is wrong with the call before a segment was looked at.
    fileprivate var refusal: Refusal? {
        if flags & ~ModuleInterface.architectureMask != 0 { return .unknownFlags(flags) }
        let machine = flags >> 16
        if machine != 0, machine != glue_elf_machine() { return .otherArchitecture(machine) }
        if segmentCount == 0 { return .noSegments }
        return segmentCount > UInt64(SegmentRules.kernelSegmentLimit) ? .tooManySegments(segmentCount) : nil
    }
}

// MARK: Telling and going

@inline(never) private func tellStatus(_ argument: UInt64) -> Refusal? {
    var status = ModuleStatus()
    if let image = unsafe loaded?.image {
        status.flags |= ModuleStatus.loaded
        status.entry = unsafe image.pointee.entry
        status.pagesInPlace = unsafe image.pointee.supply.pagesInPlace
        status.pagesToCopy = unsafe image.pointee.copies.pagesToCopy
    }
    if glue_is_disabled() { status.flags |= ModuleStatus.disabled }
    if glue_has_native_kexec() { status.flags |= ModuleStatus.besideNative }
    status.loadsLeft = glue_loads_left()
    status.pagesHeld = unsafe pagesHeld
    return CallerMemory.write(status, at: argument) ? nil : .badAddress
}

@inline(never) private func rehearse() -> Refusal? {
    guard let image = unsafe loaded?.image else { return .nothingLoaded }
    var rehearsal = unsafe Rehearsal(of: image)
    if let refusal = rehearsal.run() { return refusal }
    log("dry run: the way out works")
    return nil
}

/// What `execute` asks, and `dryRun`, which tells whether that would work.
private func refusalToLeave() -> Refusal? {
    guard unsafe loaded?.image != nil else { return .nothingLoaded }
    if let refusal = refusalBySiblings() { return refusal }
    return glue_is_in_initial_process_namespace() ? refusalByPolicy() : .inProcessNamespace
}

/// Returns only where this kernel goes on.
private func execute() -> Refusal? {
    if let refusal = refusalToLeave() ?? rehearse() { return refusal }
    log("leaving this kernel")
    return .notLeft(Int64(glue_leave()))
}
