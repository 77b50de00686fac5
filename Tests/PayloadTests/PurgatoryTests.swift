// SPDX-License-Identifier: MIT
import Foundation
import Handoff
import PayloadImages
import Testing

/// Assertions on the machine code; PayloadEvidence.swift, with ELF and disassembly, is made by BuildPayload.
struct PurgatoryTests {
    private let image = purgatoryImage()
    private let elf = ELFProgram(bytes(ofBase64: purgatoryELF))
    private let disassembly = String(decoding: bytes(ofBase64: purgatoryDisassembly), as: UTF8.self)

    private func word(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(image[offset + $1]) << (8 * $1) } }

    /// Instructions by the function they are in.
    private var functions: [Substring: [Substring]] {
        var functions: [Substring: [Substring]] = [:]
        var name: Substring = ""
        for line in disassembly.split(separator: "\n") {
            if line.hasSuffix(">:"), let start = line.firstIndex(of: "<") {
                name = line[line.index(after: start)...].dropLast(2)
            } else if line.hasPrefix(" ") {
                functions[name, default: []].append(line)
            }
        }
        return functions
    }

    @Test func beginsWithTheHeaderThatTheLoaderReads() {
        #expect(image[0] == 0xe9)
        #expect(Array(image[8..<16]) == Array("SWKXPRG1".utf8))
        #expect(word(16) == elf.symbol("purgatory_parameters")?.address)
        #expect(word(20) == image.count)
        #expect(word(24) == elf.symbol("memory_end")?.address)
        #expect(word(28) == 0)
    }

    @Test func jumpsFromItsFirstByteToTheEntry() {
        #expect(5 + word(1) == elf.symbol("purgatory_entry")?.address)
    }

    @Test func fitsIntoEightKilobytesWithItsParameters() {
        #expect(image.count <= 8192)
        #expect(word(16) + PurgatoryParameters.size <= image.count)
        #expect(word(16) % 8 == 0)
    }

    @Test func wasBuiltForTheseParameters() {
        #expect(word(word(16)) == Int(PurgatoryParameters.currentVersion))
        #expect(image[(word(16) + 4)..<(word(16) + PurgatoryParameters.size)].allSatisfy { $0 == 0 })
    }

    @Test func isTheProgramThatTheOtherTestsExamine() {
        let loaded = elf.sections.filter { $0.flags & 2 != 0 && $0.type == 1 && $0.size > 0 && $0.name != ".dynamic" }
        #expect(loaded.contains { $0.name == ".text" })
        for section in loaded {
            let here = image[section.address..<section.address + section.size]
            #expect(here.elementsEqual(elf.bytes[section.offset..<section.offset + section.size]), "\(section.name)")
        }
    }

    @Test func hasNoRelocations() {
        let relocations = elf.sections.filter { $0.type == 4 || $0.type == 9 }
        #expect(relocations.allSatisfy { $0.size == 0 })
    }

    @Test func hasNoUndefinedSymbols() {
        #expect(elf.symbols.count > 20)
        #expect(elf.symbols.filter { $0.section == 0 }.map(\.name) == [])
    }

    @Test func keepsThePageTableOnAPage() {
        #expect(elf.symbol("purgatory_page_table").map { $0.address % 4096 } == 0)
    }

    @Test func touchesVectorRegistersOnlyForTheSHAExtensions() {
        let unit: Substring = "sha256_absorb_with_extensions"
        #expect(functions[unit]?.contains { $0.contains("sha256rnds2") } == true)
        for (name, instructions) in functions where name != unit {
            let guilty = instructions.filter { instruction in
                ["%xmm", "%ymm", "%zmm", "%mm", "%st"].contains { instruction.contains($0) }
            }
            #expect(guilty == [], "\(name)")
        }
    }

    /// Nothing may lie below the stack pointer: an exception would overwrite it.
    @Test func usesNoRedZone() {
        #expect(functions.count > 20)
        for (name, instructions) in functions {
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
