// SPDX-License-Identifier: MIT
// What any file is taken for.
// runs: 3
import BootFormats

@_cdecl("LLVMFuzzerTestOneInput")
public func recognise(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    withSpan(start, count) { bytes in
        _ = Compression(recognizing: bytes)
        _ = UnknownContent(of: bytes)
        expect(KernelImage.fileSize(of: bytes) != 0, "no kernel has no bytes")
        for isELF in [false, true] {
            do throws(ImageError) { _ = try KernelImage(recognizing: bytes, asELF: isELF) } catch {
                expect(count > 0 || error == .empty, "an empty file is called so")
            }
        }
    }
}
