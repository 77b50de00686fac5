// SPDX-License-Identifier: MIT
// What any file is taken for.
// runs: 3
import BootFormats
import ImagePromises

func fuzzRecognition(_ input: UnsafeRawBufferPointer) {
    let bytes = input.bytes
    expect(KernelImage.fileSize(of: bytes) != 0, "no kernel has no bytes")
    for isELF in [false, true] {
        do throws(ImageError) {
            let image = try KernelImage(recognizing: bytes, asELF: isELF)
            expect(KernelImage.isPossible(bytes), "what is a kernel looks like one")
            let broken = image.brokenPromise(in: bytes) ?? image.brokenSizePromise(in: bytes)
            expect(broken == nil, broken ?? "")
            checkAsked(image, bytes)
        } catch { check(error, bytes) }
    }
}

/// Whoever asks for the kind that it is gets an image.
private func checkAsked(_ image: KernelImage, _ bytes: borrowing RawSpan) {
    let asked = try? KernelImage(bytes, as: image.kind)
    expect(asked?.kind == image.kind, "an image is of the kind that it is taken for")
}

private func check(_ error: ImageError, _ bytes: borrowing RawSpan) {
    expect((error == .empty) == (bytes.byteCount == 0), "an empty file is called so, and no other")
    guard case .unrecognised(let content) = error else { return }
    expect(content == UnknownContent(of: bytes), "what is no kernel is told for what it is")
    guard let compression = Compression(recognizing: bytes), case .compressed(let told) = content else { return }
    expect(told == compression, "a compressed file is told by its format")
}
