// SPDX-License-Identifier: MIT

/// Where the payload's words go, and what comes after bad ones.
struct Ending {
    private var console: Console
    private let seconds: UInt16
    /// Of the time-stamp counter, in kHz; 0: not known.
    var frequency: UInt64 = 0

    init(_ words: CommandLine) {
        console = Console(words)
        seconds = UInt16(truncatingIfNeeded: min(words.value(of: "wait")?.number ?? 30, 3600))
    }

    /// Says what is wrong in one line, waits, and resets the machine.
    @inline(never) mutating func giveUp(_ what: StaticString) -> Never {
        console.put("\nbios_boot: ")
        console.put(what)
        end()
    }

    /// The same for a number that is not what it has to be.
    @inline(never) mutating func giveUp(_ what: StaticString, _ found: UInt32, _ needed: StaticString) -> Never {
        console.put("\nbios_boot: ")
        console.put(what)
        console.putHexadecimal(UInt64(found))
        console.put(needed)
        end()
    }

    /// The same for a disk service.
    @inline(never) mutating func giveUp(_ what: StaticString, drive: UInt8, function: UInt8, ax: UInt16) -> Never {
        console.put("\nbios_boot: drive ")
        console.putHexadecimal(UInt64(drive))
        console.put(", int 13h function ")
        console.putHexadecimal(UInt64(function))
        console.put(what)
        console.put("ax=")
        console.putHexadecimal(UInt64(ax))
        console.put(
            ": if Linux has used its controller, record what firmware left in it before (kexec --record-firmware-state)"
        )
        end()
    }

    private mutating func end() -> Never {
        console.put("; reset in ")
        console.putDecimal(UInt32(seconds))
        console.put(" s\n")
        wait(seconds: seconds, frequency: frequency)
        reset(frequency: frequency)
    }
}
