// SPDX-License-Identifier: MIT
@testable import BootFormats
import Testing

@testable import Kexec

/// An initrd that the next kernel will not unpack is told of, whatever is done with it.
@Suite struct InitrdFaultPlanTests {
    private typealias Builder = InitrdBuilder

    private let lz4Frame: [UInt8] = [0x04, 0x22, 0x4d, 0x18] + [UInt8](repeating: 0, count: 64)

    private func warnings(
        _ initrd: [UInt8], isLinux: Bool = true, change: (inout KexecRequest) -> Void = { _ in }
    ) -> [PlanWarning] {
        var plan = PlanImage.bzImage {
            $0.kernelVersionOffset = isLinux ? 0x100 : 0
            $0.kernelVersion = "6.12.0-amd64"
        }
        guard case .bzImage(var image) = plan.image else { return [] }
        image.payload = 0x5000..<0x6000
        plan.image = .bzImage(image)
        var machine = MachineDescription.pc()
        machine.crashKernel = [range(0x2000_0000, 0x3000_0000)]
        var request = KexecRequest(kernel: plan.facts.path)
        request.initrds = ["/boot/initrd"]
        request.commandLine = "quiet"
        change(&request)
        var planner = BootPlanner(request: request, machine: machine, seed: nil)
        _ = planner.unpackInitrd(
            initrd.span.bytes, for: plan.image, plan.facts, unpackedKernel: 0, memoryLimit: 1 << 30)
        return planner.plan(
            plan.image, facts: plan.facts, kernel: plan.bytes.span.bytes, initrdSize: initrd.count
        ).warnings.filter { if case .initrdNotRead = $0 { true } else { false } }
    }

    @Test func isSaidWithEachCallAndWithoutUnpacking() {
        let expected = [PlanWarning.initrdNotRead(because: .lz4Frame)]
        #expect(warnings(lz4Frame) == expected)
        #expect(warnings(lz4Frame) { $0.decompression = .nothing } == expected)
        #expect(warnings(lz4Frame) { $0.systemCall = .kexecFileLoad } == expected)
        #expect(warnings(lz4Frame) { $0.target = .crash } == expected)
        #expect(warnings(Builder.archive("early") + lz4Frame) { $0.decompression = .nothing } == expected)
    }

    @Test func isSaidOfALaterStreamAndOfASplitArchiveWhereTheyAreUnpacked() {
        let archive = Builder.archive("main")
        #expect(warnings(Builder.gzip(archive) + lz4Frame) == [.initrdNotRead(because: .lz4Frame)])
        let split = Builder.gzip(Array(archive[..<130])) + Builder.gzip(Array(archive[130...]))
        #expect(warnings(split) == [.initrdNotRead(because: .splitArchive(.gzip))])
    }

    @Test func isSaidOfNothingThatLinuxTakes() {
        let archive = Builder.archive("main")
        for initrd in [archive, Builder.gzip(archive), Builder.gzip(archive) + Builder.gzip(archive), [1, 2, 3]] {
            #expect(warnings(initrd) == [] && warnings(initrd) { $0.decompression = .nothing } == [])
        }
        // Of a frame to skip behind all archives Linux only complains.
        let frame: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7]
        #expect(warnings(Builder.gzip(archive) + frame) == [])
        #expect(
            warnings(Builder.gzip(archive) + frame + Builder.gzip(archive))
                == [.initrdNotRead(because: .skippableFrame)])
        // memdisk takes floppy disks, and unpacks them by itself.
        #expect(warnings([0x1f, 0x8b, 8, 4] + archive, isLinux: false) == [])
    }
}
