// SPDX-License-Identifier: MIT
//
// Builds the bare-metal payloads and writes them as Swift source. The BuildPayloads plugin runs it for `swift build`;
// a Makefile may run it for the Embedded build of the shipped program.
//
//     BuildPayload --toolchain BIN --package ROOT --work DIR [--images FILE] [--evidence FILE] [--keep DIR]
//
//     --toolchain BIN   folder with swiftc, clang, ld.lld, llvm-objcopy and llvm-objdump of one Swift toolchain
//     --package ROOT    root of this package
//     --work DIR        for objects and the module cache; made where it is missing
//     --images FILE     writes the Swift source that PayloadImages is completed with
//     --evidence FILE   writes the Swift source that PayloadTests examines: ELF and disassembly
//     --keep DIR        copies purgatory.{bin,elf,map,s}, real-mode.{…} and trampoline.{…} there, for people
//
//                       and what is a kernel image by its name alone: kexec_test, bios_boot
//
// The same sources and toolchain give the same bytes, wherever the package lies. Exit status 0, or 1 with a line that
// says what failed.

let options = Options(CommandLine.arguments)
let toolchain = Toolchain(folder: options.required("--toolchain"))
let work = options.required("--work")
makeFolder(work)

let package = options.required("--package")
let purgatory = PayloadBuild(.purgatory, toolchain: toolchain, package: package, work: work)
let realMode = PayloadBuild(.realMode, toolchain: toolchain, package: package, work: work)
let kexecTest = PayloadBuild(.kexecTest, toolchain: toolchain, package: package, work: work)
let biosBoot = PayloadBuild(.biosBoot, toolchain: toolchain, package: package, work: work)
let trampoline = PayloadBuild(.trampoline, toolchain: toolchain, package: package, work: work)
let all = [purgatory, realMode, kexecTest, trampoline, biosBoot]
for payload in all { payload.build() }

if let file = options["--images"] {
    write(
        swiftSource([
            ("purgatoryX86_64", contents(of: purgatory.image)), ("realModeX86_64", contents(of: realMode.image)),
            ("biosBootX86_64", contents(of: biosBoot.image)),
            ("trampolineI686", contents(of: trampoline.image)),
        ]), to: file)
}
if let file = options["--evidence"] {
    let evidence = all.flatMap { payload in
        let name = payload.recipe.constantName
        return [
            (name + "Image", contents(of: payload.image)), (name + "ELF", contents(of: payload.elf)),
            (name + "Disassembly", contents(of: payload.disassembly)),
        ]
    }
    write(swiftSource(evidence), to: file)
}
if let folder = options["--keep"] {
    makeFolder(folder)
    for payload in all {
        for file in [payload.image, payload.elf, payload.map, payload.disassembly] {
            write(contents(of: file), to: folder + "/" + lastComponent(of: file))
        }
        // A kernel image goes by its name alone.
        if payload.isStandalone { write(contents(of: payload.image), to: folder + "/" + payload.recipe.name) }
    }
}
