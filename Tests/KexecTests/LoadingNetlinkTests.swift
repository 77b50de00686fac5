// SPDX-License-Identifier: MIT
@testable import BootFormats
import Testing

@testable import Kexec

@Suite struct ReplayRequestTests {
    private func replay(_ attributes: [NetlinkAttribute], flags: UInt32 = 0) -> [NetlinkAttribute]? {
        ReplayRequest.route(Dumped.route(2, prefix: 0, by: 4, flags: flags, attributes: attributes))?
            .attributes(bodySize: 12)
    }

    @Test func keepsWhatMakesARoute() {
        let attributes: [NetlinkAttribute] = [
            .init(type: 15, value: [254, 0, 0, 0]), .init(type: 5, value: [10, 0, 2, 2]),
            .init(type: 4, value: [2, 0, 0, 0]),
        ]
        #expect(replay(attributes) == attributes)
    }

    @Test func dropsTheNumberOfAnExpandedNexthop() {
        let gateway = NetlinkAttribute(type: 5, value: [10, 0, 2, 2])
        #expect(replay([.init(type: 30, value: [1, 0, 0, 0]), gateway]) == [gateway])
    }

    @Test func turnsTheTimeLeftIntoSeconds() {
        func info(_ ticks: UInt32) -> NetlinkAttribute {
            var value = [UInt8](repeating: 1, count: 32)
            value.store(ticks, at: 8)
            return NetlinkAttribute(type: 12, value: value)
        }
        #expect(replay([info(180_050)]) == [.init(type: 23, value: [0x08, 0x07, 0, 0])])
        #expect(replay([info(7)]) == [.init(type: 23, value: [1, 0, 0, 0])])
        #expect(replay([info(0)]) == [], "no time limit")
        #expect(replay([info(UInt32(bitPattern: -5))]) == [], "over already")
        #expect(replay([.init(type: 12, value: [1, 2])]) == [])
    }

    @Test func clearsStatesThatARequestMustNotHave() {
        let message = Dumped.route(2, prefix: 0, by: 4, flags: 0x5d | 4)
        #expect(ReplayRequest.route(message)?.body(size: 12).loadLittle(UInt32.self, at: 8) == 4)
        let nexthops: [UInt8] = [
            16, 0, 0x15, 1, 2, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 1,
            8, 0, 0x11, 0, 3, 0, 0, 0,
        ]
        var expected = nexthops
        (expected[2], expected[18]) = (4, 0)
        #expect(replay([.init(type: 9, value: nexthops)]) == [.init(type: 9, value: expected)])
        // A length that lies ends the walk.
        let cut: [UInt8] = [200, 0, 0x15, 1, 2, 0, 0, 0]
        #expect(replay([.init(type: 9, value: cut)]) == [.init(type: 9, value: cut)])
    }

    @Test func replaysOnlyAddressAndHardwareAddressOfAFixedNeighbour() {
        let request = ReplayRequest.neighbour(Dumped.neighbour(2, on: 2, state: 0x80))
        #expect(request?.attributes(bodySize: 12).map(\.type) == [1, 2])
    }

    @Test(arguments: 0..<8)
    func makesNothingOfAMessageCutShort(size: Int) {
        let body = [UInt8](repeating: 2, count: size / 4 * 4)
        let message = NetlinkMessage(type: NetlinkMessage.newRoute, flags: [], body: body)
        #expect(ReplayRequest.route(message) == nil)
        #expect(ReplayRequest.neighbour(message) == nil)
        #expect(ReplayRequest.address(message) == nil)
    }
}

@Suite struct NetlinkMessageTests {
    private let message = NetlinkMessage(
        type: 24, flags: [.request], body: [1, 2, 3, 4],
        attributes: [.init(type: 3, value: [9]), .init(type: 4, value: [5, 6, 7, 8])])

    @Test func isLaidOutAsTheKernelReadsIt() {
        #expect(
            message.bytes == [
                36, 0, 0, 0, 24, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4,
                5, 0, 3, 0, 9, 0, 0, 0, 8, 0, 4, 0, 5, 6, 7, 8,
            ])
        #expect(message.attributes(bodySize: 4) == [.init(type: 3, value: [9]), .init(type: 4, value: [5, 6, 7, 8])])
    }

    @Test func splitsWhatIsWholeAndDropsTheRest() {
        let two = message.bytes + message.bytes
        #expect(NetlinkMessage.split(two) == [message, message])
        for length in 0..<message.bytes.count {
            #expect(NetlinkMessage.split(Array(two.prefix(message.bytes.count + length))) == [message])
        }
    }

    @Test(arguments: [UInt32(0), 15, 37, 0xffff_ffff])
    func endsAtALengthThatLies(length: UInt32) {
        var bytes = message.bytes
        bytes.store(length, at: 0)
        #expect(NetlinkMessage.split(bytes) == [])
    }

    @Test(arguments: [UInt16(0), 3, 200])
    func endsAtAnAttributeThatLies(length: UInt16) {
        var bytes = message.bytes
        bytes.store(length, at: 20)
        #expect(NetlinkMessage.split(bytes).first?.attributes(bodySize: 4) == [])
    }

    @Test func endsAnAnswerWithItsResult() {
        var reply = NetlinkReply()
        let acknowledgement = NetlinkMessage(type: NetlinkMessage.error, flags: [], body: [0, 0, 0, 0])
        let refusal = NetlinkMessage(type: NetlinkMessage.error, flags: [], body: [0xef, 0xff, 0xff, 0xff])
        let pieces = [message.bytes[...], (message.bytes + acknowledgement.bytes)[...]]
        let ends = pieces.map { reply.take($0) }
        #expect(ends == [false, true])
        #expect(reply == NetlinkReply(result: 0, messages: message.bytes + message.bytes))
        let refused = reply.take(refusal.bytes[...])
        #expect(refused && reply.result == -17)
    }
}

/// What may be asked of the running kernel without privilege and without effect.
@Suite struct LinuxKernelTests {
    @Test func listsTheLoopbackLink() {
        var kernel = LinuxKernel()
        let request = NetlinkMessage(
            type: NetlinkMessage.getLink, flags: [.request, .dump], body: [UInt8](repeating: 0, count: 16))
        let reply = kernel.netlink(request.bytes)
        let names = NetlinkMessage.split(reply.messages).compactMap { message in
            message.attributes(bodySize: 16).first { $0.type == LinkFlags.nameAttribute }?.value
        }
        #expect(reply.result == 0)
        #expect(names.contains(Array("lo".utf8) + [0]))
    }

    @Test func passesARefusalOn() {
        var kernel = LinuxKernel()
        // A link that cannot be there.
        var body = [UInt8](repeating: 0, count: 16)
        body.store(UInt32(0x7fff_fff0), at: 4)
        let request = NetlinkMessage(type: NetlinkMessage.getLink, flags: [.request, .acknowledge], body: body)
        #expect(kernel.netlink(request.bytes).result == -19)
    }

    @Test func readsSmallThings() {
        let kernel = LinuxKernel()
        #expect(kernel.linkTarget("/proc/self/ns/pid")?.starts(with: "pid:[".utf8) == true)
        #expect(kernel.linkTarget("/proc/self/status") == nil)
        #expect(kernel.head(of: "/proc/self/comm")?.isEmpty == false)
        #expect(kernel.head(of: "/proc/self/nothing") == nil)
        #expect(kernel.parentProcess() > 0)
    }

    @Test func knowsItsPrivilegeAsProcTellsIt() throws {
        let status = String(decoding: try FileDescriptor(reading: "/proc/self/status").readToEnd(), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
        let effective = try #require(UInt64(line.split(separator: "\t")[1], radix: 16))
        #expect(LinuxKernel().hasSysBoot() == (effective >> 22 & 1 == 1))
    }

    @Test func knowsADescriptorThatNobodyReads() throws {
        let null = try FileDescriptor(reading: "/dev/null"), zero = try FileDescriptor(reading: "/dev/zero")
        let kernel = LinuxKernel()
        let lost = [null.number, zero.number, 9999].map { kernel.isLost($0) }
        #expect(lost == [true, false, true])
    }

    @Test func saysWhyAProgramDidNotStart() {
        var kernel = LinuxKernel()
        #expect(kernel.execute("/nothing/here", ["here"]) == -2)
    }
}
