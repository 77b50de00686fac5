// SPDX-License-Identifier: MIT
import Foundation
import Handoff
import PayloadImages

/// A payload and what it was made from; PayloadEvidence.swift, with ELF and disassembly, is made by BuildPayload.
struct BuiltPayload: Sendable, CustomStringConvertible {
    let description: String
    let image: [UInt8]
    let elf: ELFProgram
    let disassembly: String
    let magic: String
    /// In bytes.
    let budget: Int
    let parametersSize: Int
    let parametersVersion: UInt32
    /// What its symbols begin with: `purgatory_entry`, `purgatory_parameters`.
    let prefix: String

    static let purgatory = BuiltPayload(
        description: "purgatory", image: purgatoryImage(), elf: ELFProgram(bytes(ofSeptets: purgatoryELF)),
        disassembly: String(decoding: bytes(ofSeptets: purgatoryDisassembly), as: UTF8.self), magic: "SWKXPRG1",
        budget: 8192, parametersSize: PurgatoryParameters.size, parametersVersion: PurgatoryParameters.currentVersion,
        prefix: "purgatory")
    static let realMode = BuiltPayload(
        description: "real mode", image: realModeImage(), elf: ELFProgram(bytes(ofSeptets: realModeELF)),
        disassembly: String(decoding: bytes(ofSeptets: realModeDisassembly), as: UTF8.self), magic: "SWKXREA1",
        budget: 8192, parametersSize: RealModeParameters.size, parametersVersion: RealModeParameters.currentVersion,
        prefix: "real_mode")
    static let all = [purgatory, realMode]

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
