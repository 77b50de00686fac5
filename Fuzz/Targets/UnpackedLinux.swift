// SPDX-License-Identifier: MIT
// What a bzImage's payload becomes: segments, sections, the relocation table; and the kernel moved by it.
// runs: 3
import BootFormats
import ImagePromises
import PhysicalMemory

private let place = PhysicalRange(from: PhysicalAddress(0x100_0000), to: PhysicalAddress(0x120_0000))

func fuzzUnpackedLinux(_ input: UnsafeRawBufferPointer) {
    let bytes = input.bytes
    guard let kernel = try? UnpackedLinux(parsing: bytes, linkedAt: place) else { return }
    let broken = kernel.brokenPromise(linkedAt: place, in: bytes)
    expect(broken == nil, broken ?? "")
}
