// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

/// What one run of mkelfimage does.
enum MkelfimageAction: Hashable, Sendable {
    case help
    case version
    case show(ByteString)
    /// No name for what is to be made.
    case incomplete(kernel: ByteString)
    case make(MkelfimageRequest)
}

struct MkelfimageRequest: Hashable, Sendable {
    var kernel: ByteString
    var output: ByteString
    var commandLine: ByteString = ""
    var initrds: [ByteString] = []
}

/// The options of mkelfimage, read by the parser of kexec's.
enum MkelfimageOptions {
    /// Entries are told apart by kexec's names for them; `--show` makes nothing, as `--plan` there.
    static let entries: [OptionEntry] = [
        entry(.commandLine, "command-line", "LINE", "The kernel's command line"),
        entry(.commandLine, "append", "LINE", "The same as --command-line"),
        entry(.initrd, "initrd", "FILE", "An initial RAM disk; can be given several times"),
        entry(.initrd, "ramdisk", "FILE", "The same as --initrd"),
        entry(.plan, "show", nil, "List what is in the file IMAGE; make nothing"),
        entry(.help, "help", nil, "Print this text", letter: "h"),
        entry(.version, "version", nil, "Print the version", letter: "v"),
    ]

    static let usage = """
        Usage: mkelfimage [OPTION]... KERNEL IMAGE
               mkelfimage --show IMAGE
        """

    static func help() -> String {
        var text = usage + "\nPut a Linux kernel into the ELF executable IMAGE; '-' is standard input.\n\n"
        for entry in entries { text += HelpText.line(for: entry) }
        return text + "\nSee mkelfimage(8).\n"
    }

    /// - Parameter arguments: without the program's own name.
    static func parse(_ arguments: [ByteString]) throws(UsageError) -> MkelfimageAction {
        var parser = OptionParser(arguments, entries: entries)
        var request = MkelfimageRequest(kernel: "", output: "")
        var shows = false
        while let found = try parser.next() {
            let value = found.value ?? ""
            switch found.entry.option {
            case .help: return .help
            case .version: return .version
            case .plan: shows = true
            case .initrd: request.initrds.append(try parsePath(value, option: found.written))
            default: request.commandLine = value
            }
        }
        let files = parser.operands
        guard let first = files.first else { throw .noKernel }
        if files.count > (shows ? 1 : 2) { throw .unexpectedArgument(files[shows ? 1 : 2], kernel: first) }
        if shows { return .show(first) }
        guard files.count == 2, !files[1].isEmpty else { return .incomplete(kernel: first) }
        request.kernel = first
        request.output = files[1]
        let inputs = [first] + request.initrds
        if inputs.filter({ $0.namesStandardInput }).count > 1 { throw .standardInputTwice }
        return .make(request)
    }

    private static func entry(
        _ option: KexecOption, _ name: String, _ placeholder: String?, _ help: String, letter: Unicode.Scalar? = nil
    ) -> OptionEntry {
        OptionEntry(
            option: option, name: name, letter: letter.map { UInt8(truncatingIfNeeded: $0.value) },
            value: placeholder == nil ? .none : .required, placeholder: placeholder ?? "", generation: .swiftKexec,
            group: .action, standing: .honoured, help: help)
    }
}
