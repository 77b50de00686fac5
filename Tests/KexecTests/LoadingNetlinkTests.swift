// SPDX-License-Identifier: MIT
@testable import BootFormats
import Foundation
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

    @Test func walksOverNexthopsOfAnySize() {
        // One with a byte of padding, one of the smallest size, and one that is cut.
        let nexthops: [UInt8] = [
            11, 0, 0xff, 1, 2, 0, 0, 0, 7, 7, 7, 0, 8, 0, 0xff, 0, 3, 0, 0, 0, 9, 0, 0xff, 0, 3, 0, 0, 0,
        ]
        var expected = nexthops
        (expected[2], expected[14]) = (6, 6)
        #expect(replay([.init(type: 9, value: nexthops)]) == [.init(type: 9, value: expected)])
        let small: [UInt8] = [7, 0, 0xff, 0, 3, 0, 0, 0]
        #expect(replay([.init(type: 9, value: small)]) == [.init(type: 9, value: small)])
    }

    @Test func timesUpToTheLargestSignedNumberAreToCome() {
        for (ticks, value) in [
            (UInt32(Int32.max), [0x14, 0xae, 0x47, 0x01] as [UInt8]?), (1 << 31, nil), (1, [1, 0, 0, 0]),
        ] {
            var info = [UInt8](repeating: 0, count: 12)
            info.store(ticks, at: 8)
            #expect(replay([.init(type: 12, value: info)]) == (value.map { [.init(type: 23, value: $0)] } ?? []))
        }
    }

    /// A flag means something else in the other family.
    @Test func keepsSecondaryAddressesAndNoTemporaryOnes() {
        for (family, flags, isKept) in [
            (2, 1, true), (2, 0x80, true), (10, 0x80, true), (10, 0x81, false), (10, 1, false),
        ]
            as [(UInt8, UInt8, Bool)]
        {
            let message = Dumped.address(family, prefix: 24, on: 2, flags: flags)
            #expect((ReplayRequest.address(message) != nil) == isKept, "\(family), \(flags)")
        }
    }

    @Test(arguments: [(2, 0x80, true), (10, 0x80, true), (10, 0x82, true), (10, 0x40, false), (7, 0x80, false)])
    func keepsPermanentNeighboursOfTheInternet(family: UInt8, state: UInt16, isKept: Bool) {
        #expect((ReplayRequest.neighbour(Dumped.neighbour(family, on: 2, state: state)) != nil) == isKept)
    }

    /// fe80::/10 waits for a carrier, nothing else does.
    @Test(
        arguments: [
            (10, [0xfe, 0x80], false), (10, [0xfe, 0xbf], false), (10, [0xfe, 0xc0], true), (10, [0xfe, 0x40], true),
            (10, [0xff, 0x80], true), (10, [0xfe], true), (10, [], true), (2, [0xfe, 0x80], true),
        ] as [(UInt8, [UInt8], Bool)])
    func routesOfLinksComeBackByThemselves(family: UInt8, destination: [UInt8], isReplayed: Bool) {
        let attributes = destination.isEmpty ? [] : [NetlinkAttribute(type: 1, value: destination)]
        let route = Dumped.route(family, prefix: 64, by: 2, attributes: attributes)
        #expect((ReplayRequest.route(route) != nil) == isReplayed)
    }

    /// Not on another link, not of another protocol, and no cached one.
    @Test func anAdvertisedRouteIsTheKernelsOwn() {
        let link = NetworkLink(index: 2, name: "eth0", takesAdvertisements: true)
        let other = NetworkLink(index: 3, name: "eth1", takesAdvertisements: false)
        func isAdvertised(by number: UInt8 = 9, flags: UInt32 = 0, on index: UInt8? = 2, prefix: UInt8 = 64) -> Bool {
            let attributes = index.map { [NetlinkAttribute(type: 4, value: [$0, 0, 0, 0])] } ?? []
            let route = Dumped.route(10, prefix: prefix, by: number, flags: flags, attributes: attributes)
            return ReplayRequest.isAdvertised(route, on: [other, link])
        }
        #expect(isAdvertised() && isAdvertised(prefix: 1) && !isAdvertised(prefix: 0))
        #expect(!isAdvertised(by: 8) && !isAdvertised(by: 10) && !isAdvertised(flags: 0x200))
        #expect(!isAdvertised(on: 3) && !isAdvertised(on: 4) && !isAdvertised(on: nil))
        #expect(isAdvertised(flags: 0x100) && isAdvertised(flags: 0x1_0000))
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

    @Test func aMessageMayBeNothingButItsHeaderAndEndAnywhere() {
        let empty = NetlinkMessage(type: 3, flags: [], body: [])
        #expect(NetlinkMessage.split(empty.bytes + message.bytes) == [empty, message])
        // Of 18 bytes, with two of padding.
        var odd = NetlinkMessage(type: 3, flags: [], body: [1, 2, 0, 0]).bytes
        odd.store(UInt32(18), at: 0)
        #expect(NetlinkMessage.split(odd + message.bytes).map(\.bytes.count) == [18, 36])
        #expect(NetlinkMessage.split(odd + message.bytes).last == message)
    }

    @Test func anAttributeMayBeEmpty() {
        let attributes: [NetlinkAttribute] = [.init(type: 1, value: []), .init(type: 2, value: [1, 2, 3, 4, 5])]
        let message = NetlinkMessage(type: 24, flags: [], body: [], attributes: attributes + attributes)
        #expect(message.attributes(bodySize: 0) == attributes + attributes)
    }

    /// Of the type's bits the upper two say how the value is to be read.
    @Test func findsAnAttributeByFourteenBits() {
        for bit in 0..<16 as Range<UInt16> {
            let attributes = [NetlinkAttribute(type: 1 << bit, value: [7])]
            #expect(attributes.value(of: 1 << bit) == (bit < 14 ? [7] : []), "bit \(bit)")
            #expect(attributes.value(of: 0) == (bit < 14 ? [] : [7]), "bit \(bit)")
        }
    }

    /// <linux/netlink.h>, <linux/rtnetlink.h>
    @Test func numbersAreLinuxs() {
        let flags: [NetlinkMessage.Flags] = [.request, .acknowledge, .dump, .exclusive, .create, .append]
        #expect(flags.map(\.rawValue) == [1, 4, 0x300, 0x200, 0x400, 0x800])
        #expect(
            [
                NetlinkMessage.error, NetlinkMessage.done, NetlinkMessage.newLink, NetlinkMessage.getLink,
                NetlinkMessage.newAddress, NetlinkMessage.getAddress, NetlinkMessage.newRoute, NetlinkMessage.getRoute,
                NetlinkMessage.newNeighbour, NetlinkMessage.getNeighbour,
            ] == [2, 3, 16, 18, 20, 22, 24, 26, 28, 30])
    }

    @Test func aDumpMayEndInAnErrorOrInNone() {
        for (type, word, result) in [(3, 0, 0), (3, -5, -5), (2, -1, -1), (2, 4, 0)] as [(UInt16, Int32, Int)] {
            var reply = NetlinkReply(result: 9)
            var body: [UInt8] = []
            body.appendLittle(word)
            let end = NetlinkMessage(type: type, flags: [], body: body).bytes
            let isEnd = reply.take((end + message.bytes)[...])
            #expect(isEnd && reply == NetlinkReply(result: result))
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

/// The threads that tests run on have all signals wait.
private func letThrough(_ signal: Int32) {
    var signals = sigset_t()
    sigaddset(&signals, signal)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
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

    /// In the place of the process that asks for it.
    @Test func startsAProgramWithItsArguments() async {
        await #expect(processExitsWith: .exitCode(7)) {
            var kernel = LinuxKernel()
            _ = kernel.execute("/bin/sh", ["sh", "-c", "exit $(($1 + $2))", "x", "3", "4"])
            exit(1)
        }
    }

    @Test func aSignalThatWaitsIsToldAndThenComesThrough() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            letThrough(SIGTERM)
            var kernel = LinuxKernel()
            if kernel.sleep(milliseconds: 1) { exit(1) }
            kernel.holdSignals(true)
            raise(SIGTERM)
            if !kernel.sleep(milliseconds: 1) { exit(2) }
            kernel.holdSignals(false)
            exit(3)
        }
    }

    @Test func aDetachedProcessIsAnotherOneWithASessionOfItsOwn() async {
        await #expect(processExitsWith: .exitCode(7)) {
            letThrough(SIGTERM)
            var kernel = LinuxKernel()
            let process = kernel.detach()
            if process == 0 {
                // SIGTERM is ignored until this.
                raise(SIGTERM)
                if getsid(0) != getpid() || !kernel.isLost(1) { _exit(1) }
                kernel.endPatience()
                raise(SIGTERM)
                _exit(2)
            }
            var status: Int32 = 0
            exit(waitpid(pid_t(process), &status, 0) == process && status == SIGTERM ? 7 : 8)
        }
    }

    @Test func readsNoMoreThanTheBeginningOfALink() throws {
        let folder = try MachineFolder()
        let target = String(repeating: "x", count: 300)
        try folder.addLink("link", to: target)
        #expect(LinuxKernel().linkTarget(folder.path + "/link") == Array(target.utf8.prefix(255)))
        try folder.add("file", bytes: [UInt8](repeating: 7, count: 300))
        #expect(LinuxKernel().head(of: folder.path + "/file")?.count == 255)
    }

    @Test func saysWhyAProgramDidNotStart() {
        var kernel = LinuxKernel()
        #expect(kernel.execute("/nothing/here", ["here"]) == -2)
    }
}
