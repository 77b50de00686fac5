// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

struct AptSourcesTests {
    @Test func readsOneLineFormatWithOptions() {
        let found = AptSources.lines(
            in: """
                # deb http://old.example/debian bookworm main
                deb-src http://src.example/debian bookworm main
                deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian/ bookworm main
                deb http://mirror.example/debian-security bookworm-security main
                """)
        let sources = AptSources(found)
        #expect(sources.main == "https://mirror.example/debian")
        #expect(sources.security == "http://mirror.example/debian-security")
    }

    @Test func readsStanzasAndLeavesDisabledOnes() {
        let found = AptSources.stanzas(
            in: """
                Types: deb
                Enabled: no
                URIs: http://off.example/debian
                Suites: bookworm

                # comment
                Types: deb
                URIs: http://on.example/debian
                Suites: bookworm bookworm-updates
                """)
        #expect(AptSources(found).main == "http://on.example/debian")
        #expect(found.count == 2)
    }

    @Test func foreignArchivesAreNotDebian() {
        let found = AptSources.lines(in: "deb https://packages.example/apt stable main")
        #expect(AptSources(found) == AptSources([]))
        #expect(AptSources([]).main == "http://deb.debian.org/debian")
    }
}

struct KernelNameTests {
    @Test(arguments: [
        (KernelName.linux61, "linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64-dbg"),
        (.linux61Full, "linux-image-6.1.0-56-amd64", "linux-image-6.1.0-56-rt-amd64"),
        (.linux612Full, "linux-image-6.12.118+deb13-amd64", "linux-image-6.12.118+deb13-cloud-amd64"),
        (.linux7Signed, "linux-binary-7.3.4+deb13-cloud-amd64", "linux-binary-unsigned-7.3.4+deb13-cloud-amd64"),
        (.xen417, "xen-hypervisor-4.17-amd64", "xen-hypervisor-4.17-arm64"),
        (.linux612, "linux-image-6.12.117+deb13-cloud-amd64", "linux-image-6.12.117+deb13-cloud-amd64-unsigned"),
    ]) func patternsTakeTheKernelAndNotItsSiblings(name: KernelName, wanted: String, sibling: String) throws {
        let expression = try Regex(try #require(name.packages.first).expression)
        #expect(wanted.wholeMatch(of: expression) != nil)
        #expect(sibling.wholeMatch(of: expression) == nil)
    }
}

struct VmlinuxExtractionTests {
    @Test func findsThePayloadWithoutItsSize() throws {
        var image = [UInt8](repeating: 0, count: 0x400 + 0x100)
        image[0x1f1] = 1
        image.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        image[0x248] = 0x10
        image[0x24c] = 0x08
        image.replaceSubrange(0x410..<0x418, with: [1, 2, 3, 4, 9, 9, 9, 9])
        #expect(try Array(VmlinuxExtraction.payload(of: Data(image))) == [1, 2, 3, 4])
    }

    @Test func refusesAPayloadOutsideTheImage() {
        var image = [UInt8](repeating: 0, count: 0x400)
        image.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        image[0x24c] = 0x40
        #expect(throws: LabError.self) { try VmlinuxExtraction.payload(of: Data(image)) }
        #expect(throws: LabError.self) { try VmlinuxExtraction.payload(of: Data([1, 2, 3])) }
    }
}

struct BuildTreeTests {
    private let folder = NSTemporaryDirectory() + "kexec-lab-tests-\(UInt32.random(in: 0 ... .max))"

    /// A bzImage that names its version at 0x300: `kernel_version` at 0x20e counts from 0x200.
    private func kernel(_ name: KernelName, release: String) throws -> CacheFolder {
        let cache = CacheFolder(at: folder)
        var image = [UInt8](repeating: 0, count: 0x8000)
        image.replaceSubrange(0x20e..<0x210, with: [0x00, 0x01])
        image.replaceSubrange(0x300..<0x300 + release.utf8.count, with: release.utf8)
        image[0x300 + release.utf8.count] = 0x20
        _ = try cache.folder("kernels/\(name.rawValue)")
        try Data(image).write(to: URL(fileURLWithPath: cache.kernel(name)))
        return cache
    }

    @Test func areTheHeadersOfTheVeryKernel() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cache = try kernel(.linux61, release: "6.1.0-56-cloud-amd64")
        #expect(try cache.buildTree(.linux61).hasSuffix("/environment/usr/src/linux-headers-6.1.0-56-cloud-amd64"))
        #expect(!cache.hasBuildTree(.linux61) && !cache.hasBuildTree(.linux612))
    }

    @Test func aBuiltKernelIsIncompleteWithoutItsTree() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cache = try kernel(.noKexec, release: "6.1.1")
        try Data().write(to: URL(fileURLWithPath: cache.vmlinux(.noKexec)))
        #expect(!cache.isComplete(.noKexec))
        _ = try cache.folder("environment/build/no-kexec/kernel")
        try Data().write(to: URL(fileURLWithPath: try cache.buildTree(.noKexec) + "/Module.symvers"))
        #expect(cache.isComplete(.noKexec))
    }

    @Test func aModuleIsBuiltAgainWhenASourceIsNewerOrMissing() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let sources = "\(folder)/sources", made = "\(folder)/made"
        try FileManager.default.createDirectory(atPath: sources, withIntermediateDirectories: true)
        try "a".write(toFile: "\(sources)/a", atomically: false, encoding: .utf8)
        #expect(!ModuleBuild.isCurrent(made, [sources]))
        try "b".write(toFile: made, atomically: false, encoding: .utf8)
        func age(_ path: String, _ seconds: Double) throws {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1e9 + seconds)], ofItemAtPath: path)
        }
        for (path, seconds) in [("\(sources)/a", 0.0), (sources, 0), (made, 1)] { try age(path, seconds) }
        #expect(ModuleBuild.isCurrent(made, [sources]))
        #expect(!ModuleBuild.isCurrent(made, [sources, "\(folder)/missing"]))
        try age("\(sources)/a", 2)
        #expect(!ModuleBuild.isCurrent(made, [sources]))
    }
}
