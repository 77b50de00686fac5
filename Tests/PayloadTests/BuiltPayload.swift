// SPDX-License-Identifier: MIT
import Foundation
import Handoff
import PayloadImages

/// A payload and what it was made from; PayloadEvidence.swift, with image, ELF and disassembly, is made by BuildPayload.
struct BuiltPayload: Sendable, CustomStringConvertible {
    let description: String
    let image: [UInt8]
    let elf: ELFProgram
    let disassembly: String
    /// In bytes.
    let budget: Int
    /// What the loader fills in before it is used; nil for a kernel image of its own.
    var block: ParameterBlock?

    /// The header and parameters of a flat payload.
    struct ParameterBlock: Sendable {
        let magic: String
        let size: Int
        let version: UInt32
        /// What its symbols begin with: `purgatory_entry`, `purgatory_parameters`.
        let prefix: String
    }

    init(
        _ description: String, _ image: StaticString, elf: StaticString, disassembly: StaticString, budget: Int,
        _ block: ParameterBlock? = nil
    ) {
        self.description = description
        self.image = bytes(ofBase64: image)
        self.elf = ELFProgram(bytes(ofBase64: elf))
        self.disassembly = String(decoding: bytes(ofBase64: disassembly), as: UTF8.self)
        self.budget = budget
        self.block = block
    }

    static let purgatory = BuiltPayload(
        "purgatory", purgatoryImage, elf: purgatoryELF, disassembly: purgatoryDisassembly, budget: 9216,
        ParameterBlock(
            magic: "SWKXPRG1", size: PurgatoryParameters.size, version: PurgatoryParameters.currentVersion,
            prefix: "purgatory"))
    static let realMode = BuiltPayload(
        "real mode", realModeImage, elf: realModeELF, disassembly: realModeDisassembly, budget: 9216,
        ParameterBlock(
            magic: "SWKXREA1", size: RealModeParameters.size, version: RealModeParameters.currentVersion,
            prefix: "real_mode"))
    static let kexecTest = BuiltPayload(
        "kexec_test", kexecTestImage, elf: kexecTestELF, disassembly: kexecTestDisassembly, budget: 32768)
    static let biosBoot = BuiltPayload(
        "bios_boot", biosBootImage, elf: biosBootELF, disassembly: biosBootDisassembly, budget: 28672)
    static let flat = [purgatory, realMode]
    static let standalone = [kexecTest, biosBoot]
    static let all = flat + standalone

    func word(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(image[offset + $1]) << (8 * $1) } }

    /// Instructions by the function they are in.
    var functions: [Substring: [Substring]] {
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
}
