// SPDX-License-Identifier: MIT
public import BootFormats
internal import BootableELF
internal import CLinux
internal import Kexec

/// The whole program: what `mkelfimage` does with its arguments, the program's name first; returns the exit status, one of
/// kexec's.
public func runMkelfimage(arguments: [ByteString]) -> Int32 {
    kx_occupy_output()
    let command = MkelfimageCommand()
    do throws(UsageError) {
        return command.run(try MkelfimageOptions.parse(Array(arguments.dropFirst())))
    } catch {
        command.complain(Diagnostic(error))
        command.terminal.explain(MkelfimageOptions.usage + "\n")
        return ExitCode.usage.status
    }
}

/// Why no image was made, or none shown.
enum MkelfimageFailure: Error, Hashable, Sendable {
    case file(FileFailure)
    case image(ImageError, path: ByteString)
    case kernel(BootableELFError, path: ByteString)
    /// What is shown is no ELF file; `kind` where it is another image.
    case notELF(kind: ImageKind?, path: ByteString)
    case output(OutputFailure, path: ByteString)
}

struct MkelfimageCommand {
    let terminal = Terminal()

    func run(_ action: MkelfimageAction) -> Int32 {
        do throws(MkelfimageFailure) {
            switch action {
            case .help: return say(MkelfimageOptions.help())
            case .version: return say("mkelfimage (swift-kexec " + KexecVersion.number + ")\n")
            case .show(let path): return say(try ELFReport.text(for: path))
            case .incomplete(let kernel):
                complain(Diagnostic(missingImageOf: kernel))
                terminal.explain(MkelfimageOptions.usage + "\n")
                return ExitCode.usage.status
            case .make(let request):
                try make(request)
                return ExitCode.success.status
            }
        } catch {
            removeUnfinishedFile()
            complain(Diagnostic(error))
            return ExitCode(error).status
        }
    }

    func complain(_ diagnostic: Diagnostic) {
        terminal.explain("mkelfimage: \(printable(diagnostic.sentence))\n")
        if let hint = diagnostic.hint { terminal.explain("mkelfimage: hint: \(printable(hint))\n") }
    }

    private func say(_ text: String) -> Int32 {
        let errno = terminal.say(text)
        guard errno != 0 else { return ExitCode.success.status }
        complain(Diagnostic(unwrittenOutput: errno))
        return ExitCode.output.status
    }

    private func make(_ request: MkelfimageRequest) throws(MkelfimageFailure) {
        removeUnfinishedFileAtSignals()
        var budget = MemoryBudget()
        let progress = Progress(nil, silentPipe: { terminal.explain("mkelfimage: " + silence(of: $0)) })
        let kernel = try source { () throws(FileFailure) in
            try ImageSource(kernel: request.kernel, drawingFrom: &budget, progress: progress)
        }
        let image = try recognised(kernel, request.kernel)
        if request.initrds.isEmpty {
            let made = try elf(request, image, kernel, initrdSize: 0)
            return try write(request, made, kernel.bytes, RawSpan(), mode: kernel.permissions)
        }
        let initrd = try source { () throws(FileFailure) in
            try ImageSource(initrds: request.initrds, drawingFrom: &budget, progress: progress)
        }
        let made = try elf(request, image, kernel, initrdSize: initrd.byteCount)
        try write(request, made, kernel.bytes, initrd.bytes, mode: kernel.permissions & initrd.permissions)
    }

    private func source(_ open: () throws(FileFailure) -> ImageSource) throws(MkelfimageFailure) -> ImageSource {
        do throws(FileFailure) { return try open() } catch { throw .file(error) }
    }

    private func recognised(_ source: borrowing ImageSource, _ path: ByteString) throws(MkelfimageFailure)
        -> KernelImage
    {
        do throws(ImageError) { return try KernelImage(recognizing: source.bytes) } catch {
            throw .image(error, path: path)
        }
    }

    private func elf(
        _ request: MkelfimageRequest, _ image: KernelImage, _ kernel: borrowing ImageSource, initrdSize: Int
    ) throws(MkelfimageFailure) -> BootableELF {
        do throws(BootableELFError) {
            return try BootableELF(image, kernel.bytes, commandLine: request.commandLine, initrdSize: initrdSize)
        } catch { throw .kernel(error, path: request.kernel) }
    }

    /// - Parameter mode: of the file, which nobody may read who may not read all that it is made of.
    private func write(
        _ request: MkelfimageRequest, _ made: BootableELF, _ kernel: RawSpan, _ initrd: RawSpan, mode: UInt32
    ) throws(MkelfimageFailure) {
        do throws(OutputFailure) {
            let file = try OutputFile(
                path: request.output, inputs: [request.kernel] + request.initrds, mode: mode)
            for piece in made.pieces {
                switch piece {
                // A span of plain bytes has none that could not be read.
                case .bytes(let bytes): try file.write(unsafe bytes.span.bytes)
                case .kernel(let range): try file.write(kernel.extracting(range))
                case .initrd: try file.write(initrd)
                case .padding(let count): try file.write(unsafe [UInt8](repeating: 0, count: count).span.bytes)
                }
            }
            try file.finish()
        } catch { throw .output(error, path: request.output) }
    }
}

/// A run that is interrupted, or loses a file that it reads, leaves nothing behind.
private func removeUnfinishedFileAtSignals() {
    // Only calls that a signal handler may make: memory is in any state.
    kx_on_bus_error { _ in
        removeUnfinishedFile()
        let sentence: StaticString = "mkelfimage: a file was cut short while it was read, or its disk failed\n"
        sentence.withUTF8Buffer { bytes in _ = unsafe kx_write(2, bytes.baseAddress, UInt(bytes.count)) }
        _exit(2 /* ExitCode.file */)
    }
    kx_on_interruption { number in
        removeUnfinishedFile()
        _exit(128 + number)
    }
}

extension ExitCode {
    init(_ failure: MkelfimageFailure) {
        switch failure {
        case .file(let failure): self = failure.problem.isOfContents ? .image : .file
        case .image, .notELF: self = .image
        case .kernel(let error, _):
            switch error {
            case .notBzImage, .zImage, .protocolTooOld, .realModeOnly: self = .image
            case .commandLineTooLong, .doesNotFit, .noTrampoline: self = .plan
            }
        case .output: self = .output
        }
    }
}
