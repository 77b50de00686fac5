// SPDX-License-Identifier: MIT
// Network boot images. The magic number is put there, else little would be read.
import BootFormats
import ImagePromises
import PhysicalMemory

func fuzzNBI(_ input: UnsafeRawBufferPointer) {
    var file = Array(input)
    file.store(UInt32(0x1b03_1336), at: 0)
    file.withUnsafeBytes { buffer in
        guard let image = try? NBIImage(parsing: buffer.bytes) else { return }
        let broken = image.brokenPromise(in: buffer.bytes)
        expect(broken == nil, broken ?? "")
    }
}
