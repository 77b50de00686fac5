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
