// SPDX-License-Identifier: MIT
// Whole plans for whatever image the bytes are, on a small machine.
// runs: 2
import BootFormats
@testable import Kexec
import PhysicalMemory

private let ram = PhysicalRange(from: PhysicalAddress(0x1000), to: PhysicalAddress(0x2000_0000))
private let initrdSize = 4096

private let machine: MachineDescription = {
    var machine = MachineDescription()
    machine.memoryMap = MemoryMap([E820Entry(range: ram, type: .ram)])
    machine.systemRAM = PhysicalRangeSet([ram])
    machine.memoryTotal = 0x2000_0000
    machine.memoryAvailable = 0x2000_0000
    machine.bootParameters = [UInt8](repeating: 0, count: 4096)
    return machine
}()

func fuzzPlanning(_ input: UnsafeRawBufferPointer) {
    let bytes = input.bytes
    guard let image = try? KernelImage(recognizing: bytes) else { return }
    var request = KexecRequest(kernel: "k")
    request.elfArguments = .linux
    let plan = BootPlanner(request: request, machine: machine, seed: nil)
        .plan(image, facts: ImageFacts(path: "k", kind: "k"), kernel: bytes, initrdSize: initrdSize)
    guard plan.isLoadable else { return }
    for (index, segment) in plan.segments.enumerated() {
        check(segment, bytes.byteCount)
        for other in plan.segments[..<index] {
            expect(!segment.place.overlaps(other.place), "no two segments share a place")
        }
    }
    expect(plan.segments.contains { $0.place.contains(plan.kernelEntry) }, "what is entered is loaded")
    expect(plan.segments.contains { $0.place.contains(plan.entry) }, "the image is entered where it is loaded")
    expect(plan.segments.count <= 16, "the kernel takes as many segments")
}

private func check(_ segment: Segment, _ count: Int) {
    let place = segment.place
    expect(place.start.rawValue % pageSize == 0 && place.end.rawValue % pageSize == 0, "a segment is whole pages")
    expect(!place.isEmpty && UInt64(segment.contentSize) <= place.size, "a segment has room for its contents")
    expect(machine.systemRAM.contains(place), "a segment lies in RAM")
    expect(segment.reserved.contains(place), "a place is reserved")
    expect(segment.name.utf8.count <= 16, "purgatory can say a segment's name")
    switch segment.contents {
    case .kernel(let range): expect(range.upperBound <= count, "a segment's bytes are in the image")
    case .initrd(let range): expect(range == 0..<initrdSize, "all of the initrd is handed over")
    case .bytes: break
    }
}
