// SPDX-License-Identifier: MIT

/// From every kernel to every kernel, by every system call, on every firmware and memory size.
enum MatrixCases: CaseGroup {
    static let kernels: [KernelName] = [.linux61, .linux612, .linux7]
    static let calls = ["-c", "-s", "-a"]
    static let memories = [512, 1024, 6144]

    static let all: [Case] = kernels.flatMap { first in
        kernels.flatMap { second in
            calls.flatMap { call in
                [MachineShape.Firmware.bios, .efi].flatMap { firmware in
                    memories.map { boot(first, second, call, firmware, $0) }
                }
            }
        }
    }

    /// `make test` takes one of each kernel, call and firmware.
    private static let quick: Set<String> = [
        "matrix/6.1-7.x/c/bios/512M", "matrix/7.x-6.1/s/bios/1024M", "matrix/7.x-7.x/a/efi/1024M",
        "matrix/6.12-6.12/c/efi/1024M",
    ]

    static func boot(
        _ first: KernelName, _ second: KernelName, _ call: String, _ firmware: MachineShape.Firmware, _ memory: Int
    ) -> Case {
        let name = "matrix/\(version(first))-\(version(second))/\(call.dropFirst())/\(firmware.rawValue)/\(memory)M"
        return Case(
            name: name, summary: "\(first.rawValue) boots \(second.rawValue) with \(call)",
            machine: MachineShape(firmware: firmware, memory: memory), firstKernel: first, secondKernel: second,
            script: "load \(call) && jump",
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", Case.second, "^LAB end second"],
            quick: quick.contains(name))
    }

    private static func version(_ kernel: KernelName) -> Substring { kernel.rawValue.prefix { $0 != "-" } }
}
