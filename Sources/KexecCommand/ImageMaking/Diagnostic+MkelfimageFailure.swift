// SPDX-License-Identifier: MIT
internal import BootFormats
internal import BootableELF
internal import Kexec

extension Diagnostic {
    init(_ failure: MkelfimageFailure) {
        switch failure {
        case .file(let failure): self.init(failure)
        case .image(let error, let path): self.init(error, path: path)
        case .kernel(let error, let path): self.init(error, path: path)
        case .notELF(let kind, let path):
            let found = kind.map { "of type " + $0.name } ?? "no image that is known"
            self.init("cannot show \(fileName(path)): it is \(found), need an ELF executable")
        case .output(let failure, let path): self.init(failure, path: path)
        }
    }

    init(missingImageOf kernel: ByteString) { self.init("no IMAGE is named that \(fileName(kernel)) goes into") }

    private init(_ error: BootableELFError, path: ByteString) {
        let beginning = "cannot put \(fileName(path)) into an ELF file: "
        switch error {
        case .notBzImage(let kind):
            self.init(beginning + "it is of type \(kind.name) already, need a bzImage")
        case .zImage:
            self.init(beginning + "it is a zImage ('loadflags' lacks LOADED_HIGH at offset 0x211), need a bzImage")
        case .protocolTooOld(let found, let needed):
            self.init(
                beginning + "setup header says boot protocol \(protocolVersion(found)) at offset 0x206, need "
                    + "\(protocolVersion(needed)) or later")
        case .realModeOnly:
            self.init(
                beginning + "it promises no entry but the one in real mode: 'payload_length' is 0 at offset 0x24c")
        case .commandLineTooLong(let length, let limit):
            self.init(beginning + "the command line has \(length) bytes, the kernel takes \(limit)")
        case .noTrampoline(let found):
            self.init(
                beginning
                    + "mkelfimage's own trampoline could not be unpacked as a whole: found \(found) bytes; is memory short?"
            )
        case .doesNotFit(let part, let last, let limit):
            self.init(
                beginning
                    + "the \(Self.name(of: part)) would end at \(hexadecimal(last)), it may at \(hexadecimal(limit))")
        }
    }

    private static func name(of part: BootableELFError.Part) -> String {
        switch part {
        case .kernel: "kernel"
        case .trampoline: "command line"
        case .initrd: "initrd"
        }
    }

    private init(_ failure: OutputFailure, path: ByteString) {
        let reason =
            switch failure {
            case .directory: "it is a directory"
            case .notAFile: "it is there and no regular file"
            case .sameAs(let input): "it is the file '\(input)', which is read"
            case .place(let call, let problem): "\(call.rawValue): \(placeText(problem))"
            }
        self.init("cannot write '\(path)': \(reason)")
    }
}
