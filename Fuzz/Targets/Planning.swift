// SPDX-License-Identifier: MIT
// Whole plans for whatever image the bytes are, on a small machine.
// runs: 2
import BootFormats
@testable import Kexec
import PhysicalMemory

private let machine: MachineDescription = {
    var machine = MachineDescription()
    let ram = PhysicalRange(from: PhysicalAddress(0x1000), to: PhysicalAddress(0x2000_0000))
    machine.memoryMap = MemoryMap([E820Entry(range: ram, type: .ram)])
    machine.systemRAM = PhysicalRangeSet([ram])
    machine.memoryTotal = 0x2000_0000
    machine.memoryAvailable = 0x2000_0000
    machine.bootParameters = [UInt8](repeating: 0, count: 4096)
    return machine
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func planImage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    withSpan(start, count) { bytes in
        do throws(ImageError) {
            let image = try KernelImage(recognizing: bytes)
            var request = KexecRequest(kernel: "k")
            request.elfArguments = .linux
            let plan = BootPlanner(request: request, machine: machine, seed: nil)
                .plan(image, facts: ImageFacts(path: "k", kind: "k"), kernel: bytes, initrdSize: 4096)
            guard plan.isLoadable else { return }
            for segment in plan.segments {
                expect(UInt64(segment.contentSize) <= segment.place.size, "a segment has room for its contents")
                expect(machine.systemRAM.contains(segment.place), "a segment lies in RAM")
                if case .kernel(let range) = segment.contents {
                    expect(range.upperBound <= bytes.byteCount, "a segment's bytes are in the image")
                }
            }
        } catch {}
    }
}
