// SPDX-License-Identifier: MIT
internal import Kexec
internal import PhysicalMemory

extension CrashCheck {
    /// `kexec --crash-check`: whether a panic would end in a dump, and what is missing.
    var report: String {
        var lines = "reserved   " + reserved + "\n"
        lines += "loaded     " + (machine.kexec.crashLoaded == true ? "yes" : "no") + "\n"
        lines += "updates    " + updates + "\n"
        if let plan = plan {
            lines += "call       " + plan.systemCall.name + ", " + plan.appliedDigest.name + "\n"
        }
        if let memory = memory { lines += words(for: memory) }
        if machine.crash.panicsOnOops == false {
            lines += "panic      an oops alone starts no dump: kernel.panic_on_oops is 0\n"
        }
        for warning in plan?.warnings ?? [] {
            lines += "warning    " + printable(Diagnostic(warning).sentence) + "\n"
        }
        for obstacle in obstacles {
            let diagnostic = Diagnostic(obstacle)
            lines += "missing    " + printable(diagnostic.sentence) + "\n"
            if let hint = diagnostic.hint { lines += "           hint: " + hint + "\n" }
        }
        return lines + "works      " + (obstacles.isEmpty ? "yes" : "no") + "\n"
    }

    private var reserved: String {
        let ranges = machine.crashKernel + machine.crash.lentRanges
        guard !ranges.isEmpty else { return "nothing" }
        return byteSize(PhysicalRangeSet(ranges).size) + ": " + ranges.map { addresses($0) }.joined(separator: ", ")
    }

    /// Of what is loaded, else of what would be.
    private var updates: String {
        let kexec = machine.kexec
        if kexec.crashLoaded == true ? machine.crash.isKeptUpToDate == true : kexec.crashCoreHeaderSize != nil {
            return "by the kernel, when memory or processors come and go"
        }
        return "by a new load only, when memory or processors come and go"
    }

    private func words(for memory: CrashMemory) -> String {
        var words = "memory     " + byteSize(memory.needed) + " of " + availableSize(memory.available) + ": kernel "
        words += byteSize(memory.kernel) + ", initrd " + byteSize(memory.initrd) + ", its files "
        words += byteSize(memory.files) + ", page structures " + byteSize(memory.pages)
        return words + ", work " + byteSize(CrashMemory.work) + "\n"
    }
}
