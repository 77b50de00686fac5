// SPDX-License-Identifier: MIT
// ELF headers, program headers and notes.
// runs: 3
import BootFormats
import ImagePromises
import PhysicalMemory

func fuzzELF(_ input: UnsafeRawBufferPointer) {
    let bytes = input.bytes
    for isBelow4GiB in [false, true] {
        guard let image = try? ELFImage(parsing: bytes, below4GiB: isBelow4GiB) else { continue }
        let broken = KernelImage.elf(image).brokenPromise(in: bytes)
        expect(broken == nil, broken ?? "")
        for segment in image.segments where isBelow4GiB {
            expect(segment.physicalAddress.rawValue + segment.memorySize <= 1 << 32, "a program lies below 4 GiB")
        }
    }
}
