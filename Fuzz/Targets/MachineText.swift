// SPDX-License-Identifier: MIT
// What proc and sysfs say; the first byte chooses the file.
// runs: 2
import BootFormats
@testable import Kexec
import PhysicalMemory

@_cdecl("LLVMFuzzerTestOneInput")
public func readMachineText(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = bytes.first else { return 0 }
    let text = Array(bytes.dropFirst())
    switch choice % 8 {
    case 0: _ = Iomem(parsing: text)
    case 1: _ = KernelCommandLine(ByteString(text))
    case 2: _ = MemoryInformation(parsing: text)
    case 3:
        var efi = EFIFacts()
        efi.addTables(parsing: text)
    case 4: _ = KernelConfiguration(parsing: text)
    case 5: _ = ProcessorFlags(parsing: text)
    case 6:
        let parts = text.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
        if parts.count == 3, let entry = E820Entry(start: parts[0], end: parts[1], type: parts[2]) {
            expect(entry.range.start <= entry.range.end, "an entry does not end before it begins")
        }
    default:
        var request = KexecRequest(kernel: "k")
        request.reusesCommandLine = true
        var machine = MachineDescription()
        machine.commandLine = ByteString(text)
        _ = CommandLine.final(for: request, on: machine)
    }
    return 0
}
