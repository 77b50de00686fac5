// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import PayloadImages
import Testing

/// Assertions on every payload's header and machine code.
struct PayloadTests {
    @Test(arguments: BuiltPayload.flat) func beginsWithTheHeaderThatTheLoaderReads(payload: BuiltPayload) throws {
        let block = try #require(payload.block)
        #expect(payload.image[0] == 0xe9)
        #expect(Array(payload.image[8..<16]) == Array(block.magic.utf8))
        #expect(payload.word(16) == payload.elf.symbol("\(block.prefix)_parameters")?.address)
        #expect(payload.word(20) == payload.image.count)
        #expect(payload.word(24) == payload.elf.symbol("memory_end")?.address)
        #expect(payload.word(28) == 0)
    }

    @Test(arguments: BuiltPayload.flat) func jumpsFromItsFirstByteToTheEntry(payload: BuiltPayload) throws {
        let block = try #require(payload.block)
        #expect(5 + payload.word(1) == payload.elf.symbol("\(block.prefix)_entry")?.address)
    }

    @Test(arguments: BuiltPayload.flat) func wasBuiltForTheseParameters(payload: BuiltPayload) throws {
        let block = try #require(payload.block)
        let start = payload.word(16)
        #expect(start % 8 == 0)
        try #require(start + block.size <= payload.image.count)
        #expect(payload.word(start) == Int(block.version))
        #expect(payload.image[(start + 4)..<(start + block.size)].allSatisfy { $0 == 0 })
    }

    /// One file, which every loader takes for a kernel with all three entries.
    @Test(arguments: BuiltPayload.standalone) func isABzImage(payload: BuiltPayload) throws {
        let image = try BzImage(parsing: payload.image.span.bytes)
        let header = image.header
        #expect(header.has64BitEntry && header.canBeLoadedAbove4G && header.isRelocatable && header.isLoadedHigh)
        #expect(image.setupSize == 1024)
        #expect(image.protectedModeKernel.upperBound == payload.image.count)
        #expect(header.kernelVersion == "swift-kexec \(payload.description)")
        #expect(header.commandLineSize == 2047)
        let memoryEnd = try #require(payload.elf.symbol("memory_end")?.address)
        #expect(Int(header.initSize) == memoryEnd - 1024 + 4096)
    }

    @Test(arguments: BuiltPayload.all) func keepsToItsBudget(payload: BuiltPayload) {
        #expect(payload.image.count <= payload.budget)
    }

    @Test(arguments: BuiltPayload.all) func isTheProgramThatTheOtherTestsExamine(payload: BuiltPayload) {
        let elf = payload.elf
        let loaded = elf.sections.filter { $0.flags & 2 != 0 && $0.type == 1 && $0.size > 0 && $0.name != ".dynamic" }
        #expect(loaded.contains { $0.name == ".text" })
        for section in loaded {
            let here = payload.image[section.address..<section.address + section.size]
            #expect(here.elementsEqual(elf.bytes[section.offset..<section.offset + section.size]), "\(section.name)")
        }
    }

    @Test(arguments: BuiltPayload.all) func hasNoRelocations(payload: BuiltPayload) {
        let relocations = payload.elf.sections.filter { $0.type == 4 || $0.type == 9 }
        #expect(relocations.allSatisfy { $0.size == 0 })
    }

    @Test(arguments: BuiltPayload.all) func hasNoUndefinedSymbols(payload: BuiltPayload) {
        #expect(payload.elf.symbols.count > 10)
        #expect(payload.elf.symbols.filter { $0.section == 0 }.map(\.name) == [])
    }

    @Test func keepsPageTablesOnPages() {
        #expect(BuiltPayload.purgatory.elf.symbol("purgatory_page_table").map { $0.address % 4096 } == 0)
        #expect(BuiltPayload.realMode.elf.symbol("real_mode_page_tables").map { $0.address % 4096 } == 0)
    }

    @Test(arguments: BuiltPayload.all) func touchesVectorRegistersOnlyForTheSHAExtensions(payload: BuiltPayload) {
        let unit: Substring = "sha256_absorb_with_extensions"
        for (name, instructions) in payload.functions where name != unit {
            let guilty = instructions.filter { instruction in
                ["%xmm", "%ymm", "%zmm", "%mm", "%st"].contains { instruction.contains($0) }
            }
            #expect(guilty == [], "\(name)")
        }
    }

    @Test func purgatoryCanUseTheSHAExtensions() {
        let unit = BuiltPayload.purgatory.functions["sha256_absorb_with_extensions"]
        #expect(unit?.contains { $0.contains("sha256rnds2") } == true)
    }

    /// Nothing may lie below the stack pointer: an exception would overwrite it.
    @Test(arguments: BuiltPayload.all) func usesNoRedZone(payload: BuiltPayload) {
        #expect(payload.functions.count > 3)
        for (name, instructions) in payload.functions {
            let guilty = instructions.filter { instruction in
                guard let stack = instruction.range(of: "(%rsp"), !instruction.contains("lea") else { return false }
                let offset = instruction[..<stack.lowerBound].split { " \t,".contains($0) }.last
                return offset?.hasPrefix("-") == true
            }
            #expect(guilty == [], "\(name)")
        }
    }
}

struct Base64Tests {
    @Test func decodesEveryLengthOfTail() {
        #expect(bytes(ofBase64: "") == [])
        #expect(bytes(ofBase64: "Zg==") == Array("f".utf8))
        #expect(bytes(ofBase64: "Zm8=") == Array("fo".utf8))
        #expect(bytes(ofBase64: "Zm9vYmFy") == Array("foobar".utf8))
        #expect(bytes(ofBase64: "+/+/AAAA") == [0xfb, 0xff, 0xbf, 0, 0, 0])
    }
}
