// SPDX-License-Identifier: MIT
// linux_glue.h as the core links to it. The header itself is not imported here: its declarations have the same names.
import ModuleCore
import PhysicalMemory

/// The machine that is called, and the call counted.
private func linux() -> MockLinux {
    guard let linux = MockLinux.current else { preconditionFailure("the core runs without a machine") }
    linux.steps += 1
    return linux
}

// MARK: Memory

@c(glue_allocate_block) public func allocateBlock(_ order: UInt32) -> UInt64 { linux().pages.allocate(order) }
@c(glue_free_block) public func freeBlock(_ block: UInt64, _ order: UInt32) { linux().pages.free(block, order) }
@c(glue_pointer) public func pointer(_ physical: UInt64) -> UnsafeMutableRawPointer? { linux().pointer(physical) }
@c(glue_allocate_table) public func allocateTable(_ bytes: UInt64) -> UnsafeMutableRawPointer? {
    linux().allocateTable(bytes)
}
@c(glue_free_table) public func freeTable(_ table: UnsafeMutableRawPointer?) { linux().freeTable(table) }
@c(glue_copy_from_user)
public func copyFromUser(_ to: UnsafeMutableRawPointer, _ user: UInt64, _ bytes: UInt64) -> Int32 {
    linux().copyFromUser(to, user, bytes)
}
@c(glue_copy_to_user)
public func copyToUser(_ user: UInt64, _ from: UnsafeRawPointer, _ bytes: UInt64) -> Int32 {
    linux().caller.write(user, from, Int(bytes)) ? 0 : -14
}
@c(glue_is_interrupted) public func isInterrupted() -> Bool { linux().isInterrupted() }

// MARK: The machine

@c(glue_total_pages) public func totalPages() -> UInt64 { linux().answers.totalPages }
@c(glue_address_limit) public func addressLimit() -> UInt64 { linux().answers.addressLimit }
@c(glue_elf_machine) public func elfMachine() -> UInt64 { linux().answers.elfMachine }
@c(glue_visit_ram) public func visitRAM(_ context: UnsafeMutableRawPointer?) {
    for range in linux().answers.ram {
        guard core_take_ram(context, range.start.rawValue, range.end.rawValue) else { return }
    }
}
@c(glue_has_five_levels) public func hasFiveLevels() -> Bool { linux().answers.hasFiveLevels }
@c(glue_has_gigabyte_pages) public func hasGigabytePages() -> Bool { linux().answers.hasGigabytePages }
@c(glue_current_root) public func currentRoot() -> UInt64 { MockLinux.kernelRoot }
@c(glue_departure_address) public func departureAddress() -> UInt64 { MockLinux.departureAddress }
@c(glue_departure_page) public func departurePage() -> UInt64 { MockLinux.departurePage }
@c(glue_relocation_code) public func relocationCode() -> UnsafeRawPointer? {
    UnsafeRawPointer(linux().relocationCode.baseAddress)
}
@c(glue_relocation_size) public func relocationSize() -> UInt64 { UInt64(linux().relocationCode.count) }

// MARK: The rules

@c(glue_may_boot) public func mayBoot() -> Bool { linux().answers.mayBoot }
@c(glue_is_in_initial_process_namespace) public func isInInitialProcessNamespace() -> Bool {
    linux().answers.isInInitialProcessNamespace
}
@c(glue_memory_is_encrypted) public func memoryIsEncrypted() -> Bool { linux().answers.isEncrypted }
@c(glue_shares_memory_with_hypervisor) public func isParavirtualGuest() -> Bool { linux().answers.isParavirtual }
@c(glue_sleeping_siblings) public func sleepingSiblings() -> UInt32 { linux().answers.sleepingSiblings }
@c(glue_locked_down) public func lockedDown() -> Int32 { linux().answers.lockdown }
@c(glue_load_policy) public func loadPolicy() -> Int32 { linux().answers.policy }
@c(glue_is_disabled) public func isDisabled() -> Bool { linux().answers.isDisabled }
@c(glue_loads_left) public func loadsLeft() -> Int64 { linux().answers.loadsLeft }
@c(glue_count_load) public func countLoad() {
    let linux = linux()
    if linux.answers.loadsLeft > 0 { linux.answers.loadsLeft -= 1 }
}
@c(glue_has_native_kexec) public func hasNativeKexec() -> Bool { linux().answers.hasNativeKexec }
@c(glue_pin) public func pin() { linux().pins += 1 }
@c(glue_unpin) public func unpin() { linux().pins -= 1 }

// MARK: The log

@c(glue_log) public func log(_ format: UnsafePointer<CChar>?, _ first: UInt64, _ second: UInt64, _ third: UInt64) {
    linux().log(format, [first, second, third], isError: false)
}
@c(glue_log_error)
public func logError(_ format: UnsafePointer<CChar>?, _ first: UInt64, _ second: UInt64, _ third: UInt64) {
    linux().log(format, [first, second, third], isError: true)
}

// MARK: The way out

@c(glue_leave) public func leave() -> Int32 {
    let linux = linux()
    linux.exits.append("leave")
    return linux.answers.leave
}
@c(glue_depart) public func depart(_ list: UInt64, _ root: UInt64, _ entry: UInt64, _ control: UInt64) {
    let linux = linux()
    linux.departures.append(Jump(list: list, root: root, entry: entry, control: control))
}
@c(glue_rehearse) public func rehearse(_ list: UInt64, _ root: UInt64, _ control: UInt64) {
    let linux = linux()
    linux.exits.append("rehearse")
    linux.rehearse(Jump(list: list, root: root, entry: 0, control: control))
}
