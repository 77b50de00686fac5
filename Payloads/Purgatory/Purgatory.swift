// SPDX-License-Identifier: MIT
import Hardware
import PurgatoryAssembly

// Purgatory runs between two kernels: it checks that the next one lies in memory as it was handed over, leaves a record
// of that, and jumps. On success, and without an option that wants more, it reads memory and the time-stamp counter and
// touches nothing else: no port, no CPUID, no vector register. Only where the next kernel may not know x2APIC mode does it
// ask for that mode, and leave it.
//
// On entry: entry.S has set up a stack, descriptors and an interrupt table.
// On exit:  1. every segment is verified, or nobody wanted that  2. the trace record is written  3. exit.S jumps

/// - Returns: the way out: 0 in 64-bit mode, 1 in 32-bit protected mode.
@c(purgatory_main)
public func main(_ image: UInt) -> UInt32 {
    let entryTime = time_stamp()
    checkLayout()
    let parameters = loadedParameters()
    if parameters.resetsVGA { resetVGA(HardwarePorts()) }
    var console = Console(parameters)
    console.put("I'm in purgatory\n")

    guard parameters.version == PurgatoryParameters.currentVersion, let exit = parameters.exitMode,
        let kind = parameters.digestKind, parameters.segmentCount <= PurgatoryParameters.segmentLimit
    else { stop(parameters, &console, "parameters of another version") }
    let leaves5Levels = parameters.turnsOff5LevelPaging && read_cr4() & 1 << 12 != 0
    let x2APIC = parameters.leavesX2APIC ? HardwareProcessor().x2APICMode : .off
    if x2APIC == .stays { console.put("x2APIC mode cannot be left\n") }
    let stopsPaging = leaves5Levels || x2APIC == .canBeLeft
    if exit == .protectedMode || stopsPaging {
        let needed = UInt64(image) | (exit == .protectedMode ? parameters.entry : 0)
        guard needed >> 32 == 0 else { stop(parameters, &console, "too high: this way out begins below 4 GiB") }
    }

    var trace = TraceRecord()
    trace.entryTime = entryTime
    guard verify(parameters, kind, &trace) else { stopForMismatch(parameters, &console, trace.verdicts) }
    trace.digestTime = time_stamp()
    if stopsPaging { purgatory_without_paging(leaves5Levels ? tableOf4Levels() : 0, x2APIC == .canBeLeft ? 1 : 0) }
    trace.turnedOff5LevelPaging = leaves5Levels
    trace.purgatoryAddress = UInt64(image)
    trace.segmentCount = UInt8(truncatingIfNeeded: parameters.segmentCount)
    trace.setDigestKind(kind)
    leave(trace, at: parameters.traceRecord)
    return exit == .protectedMode ? 1 : 0
}

/// The block that the loader has filled in.
@inline(never) private func loadedParameters() -> PurgatoryParameters {
    // entry.S reserves as much as the type needs; checkLayout proves it.
    unsafe parameters_block().assumingMemoryBound(to: PurgatoryParameters.self).pointee
}

/// The first table of the fifth level serves as the only one of the fourth: all that is used lies below 256 TiB.
/// - Returns: its address; 0 where there is none.
private func tableOf4Levels() -> UInt32 {
    let address = UInt64(0x000f_ffff_ffff_f000)
    // The old kernel's tables are RAM, which it has identity-mapped; so is this image.
    guard let top = unsafe UnsafePointer<UInt64>(bitPattern: UInt(read_cr3() & address)),
        let table = unsafe UnsafePointer<UInt64>(bitPattern: UInt(unsafe top.pointee & address)),
        let own = unsafe page_table()
    else { return 0 }
    unsafe own.copyMemory(from: table, byteCount: 4096)
    return UInt32(truncatingIfNeeded: UInt(bitPattern: own))
}

/// Fills in the record that the loader laid down; what the loader wrote into it stays.
private func leave(_ trace: TraceRecord, at address: UInt64) {
    // The loader made a place for it, in a segment of its own making.
    guard let record = unsafe UnsafeMutablePointer<TraceRecord>(bitPattern: UInt(address)) else { return }
    var trace = trace
    trace.loadTime = unsafe record.pointee.loadTime
    trace.timeStampFrequency = unsafe record.pointee.timeStampFrequency
    trace.loadClock = unsafe record.pointee.loadClock
    trace.entered = true
    trace.jumpTime = time_stamp()
    unsafe record.pointee = trace
}

/// Names every segment that is not what it was, then resets.
private func stopForMismatch(
    _ parameters: PurgatoryParameters, _ console: inout Console, _ verdicts: UInt16
) -> Never {
    console.openAll()
    var index = 0
    while index < Int(parameters.segmentCount) {
        if verdicts & 1 << UInt16(index) == 0 {
            let segment = parameters[segment: index]
            console.put("purgatory: segment '")
            for position in 0..<16 {
                let letter = segment.name[position]
                if letter != 0 { console.put(letter) }
            }
            console.put("' at ")
            console.putHexadecimal(segment.start)
            console.put(", size ")
            console.putHexadecimal(segment.byteCount)
            console.put(": digest mismatch\n")
        }
        index &+= 1
    }
    stop(parameters, &console, "memory has changed since the kernel was loaded")
}

/// Says why on every console there is, waits so that it can be read, and resets.
@inline(never) private func stop(
    _ parameters: PurgatoryParameters, _ console: inout Console, _ reason: StaticString
) -> Never {
    console.openAll()
    console.put("purgatory: ")
    console.put(reason)
    console.put("; resetting in ")
    console.putDecimal(UInt32(parameters.resetDelay))
    console.put(" s\n")
    wait(seconds: parameters.resetDelay, frequency: parameters.timeStampFrequency)
    reset(frequency: parameters.timeStampFrequency)
}

/// Called by entry.S for an exception that nobody waits for.
/// - Parameter stack: an error code for some vectors, then RIP.
@c(purgatory_fault)
public func fault(_ vector: UInt32, _ stack: UnsafePointer<UInt64>, _ address: UInt64) -> Never {
    let withErrorCode: UInt32 = 0x6022_7d00  // vectors 8, 10 to 14, 17, 21, 29, 30
    let parameters = loadedParameters()
    var console = Console(parameters)
    console.openAll()
    console.put("purgatory: exception ")
    console.putHexadecimal(UInt64(vector))
    console.put(" at ")
    console.putHexadecimal(unsafe stack[withErrorCode & 1 << vector != 0 ? 1 : 0])
    console.put(", address ")
    console.putHexadecimal(address)
    console.put("\n")
    stop(parameters, &console, "it cannot go on")
}

/// Folded to nothing by the optimiser; what remains of it where the numbers differ cannot be linked.
@inline(__always) private func checkLayout() {
    if MemoryLayout<PurgatoryParameters>.size != Int(PURGATORY_PARAMETERS_SIZE)
        || PurgatoryParameters.size != Int(PURGATORY_PARAMETERS_SIZE)
        || PurgatoryParameters.currentVersion != UInt32(PURGATORY_PARAMETERS_VERSION)
        || MemoryLayout<TraceRecord>.size != TraceRecord.size
    {
        purgatory_h_disagrees_with_purgatory_parameters()
    }
}
