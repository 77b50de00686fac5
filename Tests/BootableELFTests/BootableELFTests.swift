// SPDX-License-Identifier: MIT
import BootFormats
import Handoff
import ImagePromises
import PayloadImages
import PhysicalMemory
import Testing

@testable import BootableELF

/// A kernel of `size` bytes behind a setup header, as `BzImage` describes it.
private struct TestKernel {
    var header = SetupHeader()
    var size = 0x1234

    init() {
        header.version = 0x20f
        header.loadFlags = 1
        header.commandLineSize = 2047
        header.payloadLength = 0x800
        header.preferredAddress = 0x100_0000
        header.initSize = 0x5000
        header.initrdAddressMaximum = 0x7fff_ffff
        header.kernelVersion = "6.1.0-test"
    }

    var image: KernelImage {
        .bzImage(
            BzImage(
                header: header, setupSize: 1024, protectedModeKernel: 1024..<1024 + size, setupHeader: 0x1f1..<0x26c,
                payload: nil))
    }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1024) + [UInt8](repeating: 0x90, count: size)
        bytes.store(UInt16(0xaa55), at: 0x1fe)
        bytes.store("HdrS".utf8, at: 0x202)
        bytes.store(header.version, at: 0x206)
        bytes.store(UInt8(1), at: 0x211)
        return bytes
    }

    func made(line: ByteString = "root=/dev/sda", initrd: Int = 0) -> Result<BootableELF, BootableELFError> {
        do throws(BootableELFError) {
            return .success(try BootableELF(image, bytes.span.bytes, commandLine: line, initrdSize: initrd))
        } catch { return .failure(error) }
    }

    func refusal(line: ByteString = "", initrd: Int = 0) -> BootableELFError? {
        if case .failure(let error) = made(line: line, initrd: initrd) { error } else { nil }
    }

    /// The whole file; the initrd is all 0x55.
    func file(line: ByteString = "root=/dev/sda", initrd: Int = 0) throws -> [UInt8] {
        try made(line: line, initrd: initrd).get().pieces.flatMap { piece -> [UInt8] in
            switch piece {
            case .bytes(let bytes): bytes
            case .kernel(let range): Array(bytes[range])
            case .initrd: [UInt8](repeating: 0x55, count: initrd)
            case .padding(let count): [UInt8](repeating: 0, count: count)
            }
        }
    }
}

struct BootableELFTests {
    @Test func partsLieInOrderOnPages() throws {
        let layout = try TestKernel().made(initrd: 5000).get().layout
        #expect(layout.trampoline.start.rawValue == 0x10_0000)
        #expect(layout.kernel == PhysicalRange(from: PhysicalAddress(0x100_0000), to: PhysicalAddress(0x100_5000)))
        #expect(layout.initrd == PhysicalRange(from: PhysicalAddress(0x100_5000), to: PhysicalAddress(0x100_7000)))
    }

    /// What fits to the last byte lies below the kernel.
    @Test(arguments: [(0x3000, true), (0x3001, false)]) func theTrampolineLiesBelowTheKernelWhereItFits(
        size: Int, isBelow: Bool
    ) throws {
        var header = TestKernel().header
        header.preferredAddress = 0x10_3000
        let layout = try BootableELFLayout(for: header, kernelSize: 0x1234, trampolineSize: size, initrdSize: 0)
        #expect(layout.kernel.start.rawValue == 0x10_3000)
        #expect(layout.trampoline.start == (isBelow ? PhysicalAddress(0x10_0000) : layout.kernel.end))
    }

    /// Code and stack fill whole pages; boot_params has one, and the line follows.
    @Test(arguments: [(100, 4096), (4096, 4096), (4097, 8192), (8192, 8192)])
    func theTrampolineTakesWholePages(memory: Int, size: Int) throws {
        var image = [UInt8](repeating: 0, count: 64)
        image.store(TrampolineParameters.magic, at: 8)
        image.store(UInt32(64), at: 20)
        image.store(UInt32(memory), at: 24)
        #expect(try TrampolineSegment(image, commandLine: "abc").size == size + 4096 + 4)
    }

    /// What unpacking yields where memory is short, and a trampoline that ends too early.
    @Test(arguments: [[], [UInt8](repeating: 0, count: 64), [UInt8](trampolineImage().dropLast())])
    func withoutItsTrampolineThereIsNoImage(trampoline: [UInt8]) {
        #expect(throws: BootableELFError.noTrampoline(found: trampoline.count)) {
            try TrampolineSegment(trampoline, commandLine: "")
        }
    }

    @Test func aKernelAtOneMebibyteHasTheTrampolineBehindIt() throws {
        var kernel = TestKernel()
        kernel.header.preferredAddress = 0x10_0000
        let layout = try kernel.made(initrd: 5000).get().layout
        #expect(layout.kernel.start.rawValue == 0x10_0000)
        #expect(layout.trampoline.start == layout.kernel.end && layout.initrd.start == layout.trampoline.end)
        let image = try program(in: kernel.file(initrd: 5000))
        #expect(image.entry == layout.trampoline.start.rawValue)
    }

    @Test func theLineIsHandedOnByteForByte() throws {
        let line = ByteString([UInt8](1...255))
        let file = try TestKernel().file(line: line)
        let contents = try #require(readBack(of: try program(in: file), in: file))
        #expect(contents.commandLine == line)
    }

    @Test func ourOwnParserReadsIt() throws {
        let file = try TestKernel().file(line: "a=b c", initrd: 5000)
        let image = try program(in: file)
        #expect(image.elfClass == .elf32 && image.machine == 3 && image.entry == 0x10_0000)
        #expect(image.segments.map(\.physicalAddress.rawValue) == [0x10_0000, 0x100_0000, 0x100_5000])
        #expect(image.segments.map(\.memorySize).dropFirst() == [0x5000, 5000])
        #expect(
            image.segments.allSatisfy {
                $0.file.lowerBound % 4096 == 0 && $0.virtualAddress == $0.physicalAddress.rawValue
            })
        #expect(
            file[image.segments[1].file].allSatisfy { $0 == 0x90 }
                && file[image.segments[2].file].allSatisfy { $0 == 0x55 })
        guard case .multiboot(let multiboot) = try kernel(in: file) else {
            Issue.record("no Multiboot image")
            return
        }
        #expect(
            multiboot.version == .one && multiboot.program.segments == image.segments && !multiboot.needsFramebuffer)
        let contents = try #require(readBack(of: image, in: file))
        #expect(contents.commandLine == "a=b c" && contents.bootProtocol == 0x20f)
        #expect(contents.initrdAddress == 0x100_5000 && contents.initrdSize == 5000)
    }

    @Test func notesNameTheKernelAndTheEntry() throws {
        let file = try TestKernel().file()
        let image = try program(in: file)
        var notes: [String] = []
        for note in try self.notes(of: image, in: file) {
            notes.append("\(String(decoding: file[note.name], as: UTF8.self)) \(note.type)")
            if note.type == 2 { #expect(Array(file[note.descriptor]) == Array("6.1.0-test\0".utf8)) }
            // QEMU reads eight bytes.
            if note.type == 18 { #expect(file.loadLittle(UInt64.self, at: note.descriptor.lowerBound) == 0x10_0000) }
        }
        #expect(notes == ["ELFBoot 1", "ELFBoot 2", "Xen 18"] && image.notes.count == 1)
    }

    @Test func aLongVersionIsCut() throws {
        var kernel = TestKernel()
        kernel.header.kernelVersion = String(repeating: "6", count: 200)
        let file = try kernel.file()
        for note in try notes(of: try program(in: file), in: file) where note.type == 2 {
            #expect(Array(file[note.descriptor]) == [UInt8](repeating: 0x36, count: 160) + [0])
        }
    }

    /// What llvm-readelf and GRUB ask of a header: tables in the file, of entries of the right size; GRUB 2.12 wants a section.
    @Test func headersSumUp() throws {
        let file = try TestKernel().file()
        func half(_ at: Int) -> UInt16 { file.loadLittle(at: at) }
        #expect([0x28, 0x2a, 0x2c, 0x2e, 0x30, 0x32].map(half) == [52, 32, 3, 40, 1, 0])
        #expect(file.loadLittle(UInt32.self, at: 0x20) == 576 && file[576..<616].allSatisfy { $0 == 0 })
        let words = (0..<3).map { file.loadLittle(UInt32.self, at: 512 + 4 * $0) ?? 0 }
        #expect(words.reduce(0, &+) == 0 && words[0] == 0x1bad_b002 && words[1] == 3)
    }

    @Test func theTrampolineKnowsItsStackAndTheKernel() throws {
        let kernel = TestKernel()
        let file = try kernel.file(line: "quiet")
        let start = 4096
        // movl $…, %esp
        #expect(file[start] == 0xbc && Array(file[start + 8..<start + 16]) == Array("SWKXELF1".utf8))
        let stack = file.loadLittle(UInt32.self, at: start + 1) ?? 0
        let block = start + Int(file.loadLittle(UInt32.self, at: start + 16) ?? 0)
        let zeroPage = file.loadLittle(UInt32.self, at: block + 4) ?? 0
        #expect(stack == zeroPage && file.loadLittle(UInt32.self, at: block + 8) == 0x100_0000)
        let parameters = start + Int(zeroPage) - 0x10_0000
        #expect(Array(file[parameters + 0x202..<parameters + 0x206]) == Array("HdrS".utf8))
        #expect(file[parameters + 0x210] == 0xff && file[parameters + 0x211] == 0)
        #expect(file.loadLittle(UInt32.self, at: parameters + 0x218) == 0)
        #expect(file.loadLittle(UInt32.self, at: parameters + 0x228) == zeroPage + 4096)
        #expect(Array(file[parameters + 4096..<parameters + 4102]) == Array("quiet\0".utf8))
    }

    /// Head and trampoline, every word of them damaged, or cut.
    @Test func whatIsReadBackLiesInTheFileWhateverWordIsDamaged() throws {
        let file = try TestKernel().file(initrd: 100)
        for offset in stride(from: 0, to: 4096 + 4096 + 0x240, by: 4) where offset < 640 || offset >= 4096 {
            for value in [0, 0x7fff_ffff, 0xffff_ffff] as [UInt32] {
                var damaged = file
                damaged.store(value, at: offset)
                guard let image = try? program(in: damaged) else { continue }
                #expect(image.brokenPromise(damaged.count) == nil, "\(value) at \(offset)")
                #expect(image.brokenHeaderPromise(in: damaged.span.bytes) == nil, "\(value) at \(offset)")
                guard let contents = readBack(of: image, in: damaged) else { continue }
                #expect(contents.commandLine.count <= 65536)
            }
        }
        let image = try program(in: file)
        // What follows the last segment only fills its page.
        for size in stride(from: 0, to: image.segments.last?.file.upperBound ?? 0, by: 97) {
            #expect((try? program(in: Array(file[..<size]))) == nil)
            _ = readBack(of: image, in: Array(file[..<size]))
        }
    }

    @Test func refusesWhatCannotBeEntered() {
        #expect(TestKernel().refusal() == nil)
        var kernel = TestKernel()
        kernel.header.loadFlags = 0
        #expect(kernel.refusal() == .zImage)
        kernel = TestKernel()
        kernel.header.version = 0x201
        #expect(kernel.refusal() == .protocolTooOld(found: 0x201, needed: 0x208))
        kernel = TestKernel()
        kernel.header.payloadLength = 0
        #expect(kernel.refusal() == .realModeOnly)
        #expect(TestKernel().refusal(line: ByteString(String(repeating: "x", count: 2047))) == nil)
        #expect(
            TestKernel().refusal(line: ByteString(String(repeating: "x", count: 2048)))
                == .commandLineTooLong(length: 2048, limit: 2047))
    }

    @Test func refusesWhatDoesNotFit() {
        var kernel = TestKernel()
        #expect(kernel.refusal(initrd: 0x7eff_b000) == nil)
        #expect(kernel.refusal(initrd: 0x7eff_b001) == .doesNotFit(.initrd, last: 0x8000_0000, limit: 0x7fff_ffff))
        kernel.header.preferredAddress = 0xffff_f000
        #expect(kernel.refusal() == .doesNotFit(.kernel, last: 0x1_0000_3fff, limit: 0xffff_ffff))
        kernel.header.preferredAddress = .max - 0x7000
        #expect(kernel.refusal() != nil)
        #expect(TestKernel().refusal(initrd: .max) != nil)
        // No initrd is nowhere, and a single byte is somewhere.
        kernel = TestKernel()
        kernel.header.initrdAddressMaximum = 0x100_4fff
        #expect(kernel.refusal(initrd: 0) == nil)
        #expect(kernel.refusal(initrd: 1) == .doesNotFit(.initrd, last: 0x100_5000, limit: 0x100_4fff))
    }
}

// A span stays inside one function each: in an expectation it ends the compiler (6.3.1).
extension BootableELFTests {
    private func program(in file: [UInt8]) throws -> ELFImage {
        try ELFImage(parsing: file.span.bytes, below4GiB: true)
    }

    private func kernel(in file: [UInt8]) throws -> KernelImage { try KernelImage(recognizing: file.span.bytes) }

    private func readBack(of image: ELFImage, in file: [UInt8]) -> BootableELFContents? {
        BootableELFContents(of: image, in: file.span.bytes)
    }

    private func notes(of image: ELFImage, in file: [UInt8]) throws -> [ELFNote] {
        var notes: [ELFNote] = []
        for segment in image.notes {
            var reader = ELFNoteReader(segment)
            while let note = try reader.next(in: file.span.bytes) { notes.append(note) }
        }
        return notes
    }
}

extension [UInt8] {
    fileprivate func loadLittle(at offset: Int) -> UInt16 { loadLittle(UInt16.self, at: offset) ?? 0 }
}
