// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

extension Diagnostic {
    /// Why a file cannot be used.
    init(_ failure: FileFailure) {
        let reason = Self.reason(failure.problem)
        self.init("cannot read \(fileName(failure.path)): \(reason.text)", hint: reason.hint)
    }

    static func reason(_ problem: FileProblem) -> (text: String, hint: String?) {
        switch problem {
        case .missing: ("no such file", nil)
        case .notPermitted: ("not permitted", "run it as root")
        case .directory: ("it is a directory", nil)
        case .characterDevice: ("it is a character device", nil)
        case .blockDevice: ("it is a block device", nil)
        case .socket: ("it is neither a file nor a pipe", nil)
        case .pipe: ("it is a pipe, need a regular file", nil)
        case .empty: ("it is empty", nil)
        case .tooLarge(let size, let limit):
            ("it has \(byteSize(size)), this program can map \(availableSize(limit))", nil)
        // One more is what a reader knows that stopped at the limit.
        case .memoryShort(let needed, let available) where needed &- available == 1:
            ("not enough memory for its contents: more than the \(availableSize(available)) that may be used", nil)
        case .memoryShort(let needed, 0): ("not enough memory for its contents: need at least " + byteSize(needed), nil)
        case .memoryShort(let needed, let available):
            (
                "not enough memory for its contents: need at least \(byteSize(needed)), "
                    + "\(availableSize(available)) may be used", nil
            )
        case .dictionaryTooLarge(let compression, let limit):
            (
                "its \(compression.name) dictionary is too large to unpack it: need one that takes "
                    + "\(availableSize(limit)) or less", "compress it with a smaller dictionary, or not at all"
            )
        case .unknownFilter(let compression):
            (
                "its \(compression.name) data has a filter that this program does not know",
                "compress it with no filter, or with that for x86"
            )
        case .codecMissing(let compression):
            (
                "it is compressed with \(compression.name), which this program was built without",
                "unpack it, or build kexec with that library"
            )
        case .corrupt(let compression, let offset):
            ("its \(compression.name) data is corrupt, found at offset \(hexadecimal(UInt64(clamping: offset)))", nil)
        case .truncated(let compression, let size):
            ("its \(compression.name) data is cut short: it goes on beyond byte \(size), the last of the file", nil)
        case .trailingBytes(let compression, let offset, let number):
            (
                "\(count(UInt64(clamping: number), "byte")) after the end of its \(compression.name) data, at offset "
                    + hexadecimal(UInt64(clamping: offset)), nil
            )
        case .unpacksToNothing(let compression): ("its \(compression.name) data unpacks to nothing", nil)
        case .failed(let failure): ("\(failure.call.rawValue): \(errnoText(failure.errno))", nil)
        }
    }
}
