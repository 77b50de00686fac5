// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

/// Takes the machine's links down, so that no device writes into memory that belongs to the next kernel, and brings
/// them back where there is no next kernel.
struct NetworkShutdown: Hashable, Sendable {
    let before: NetworkState
    private(set) var outcome = NetworkOutcome()
    private var taken: [NetworkLink] = []

    /// Records the state of the network first, then takes every link down that is up. What cannot be taken down stays
    /// up: that is no reason to stay in this kernel.
    init<Kernel: KernelCalls>(of kernel: inout Kernel) {
        before = NetworkState(recordingFrom: &kernel)
        outcome.recordingFailure = before.recordingFailure
        for link in before.links {
            let result = kernel.netlink(Self.request(link, up: false)).result
            if result == 0 {
                taken.append(link)
                outcome.takenDown.append(link.name)
            } else {
                outcome.notTakenDown.append(LinkFailure(link: link.name, errno: Int32(clamping: -result)))
            }
        }
    }

    /// Brings everything back: links in the opposite order, then addresses, routes, neighbours.
    mutating func undo<Kernel: KernelCalls>(on kernel: inout Kernel) {
        guard !taken.isEmpty else { return }
        let links = taken.reversed().map { (link: $0, request: Self.request($0, up: true)) }
        let failed = replay(links.map { $0.request }, on: &kernel)
        outcome.notBroughtUp = failed.map { LinkFailure(link: links[$0.index].link.name, errno: $0.errno) }
        outcome.addressesLost = replay(before.addresses.map { $0.bytes }, on: &kernel).count
        outcome.routesAwaited = before.advertisedRoutes
        outcome.routesLost = replay(before.routes.map { $0.bytes }, on: &kernel).count
        outcome.neighboursLost = replay(before.neighbours.map { $0.bytes }, on: &kernel).count
    }

    /// Waits this long at most for what is refused at first, 100 ms at a time: an IPv6 address can be a route's source
    /// only when duplicate detection is through, which takes up to two seconds.
    private static let rounds = 30
    private static let pause: Int32 = 100

    /// Sends `requests` until each is accepted or none of the rest is: a gateway's route needs the route to the
    /// gateway, a VLAN the link below it.
    /// - Returns: what was refused to the end, by index.
    private func replay<Kernel: KernelCalls>(
        _ requests: [[UInt8]], on kernel: inout Kernel
    ) -> [(index: Int, errno: Int32)] {
        var left = requests.indices.map { (index: $0, errno: Int32(0)) }
        var pauses = 0
        while !left.isEmpty {
            var refused: [(index: Int, errno: Int32)] = []
            for (index, _) in left {
                let result = kernel.netlink(requests[index]).result
                // EEXIST: the kernel, or whoever manages this network, was faster.
                if result < 0, result != -Int(EEXIST) { refused.append((index, Int32(clamping: -result))) }
            }
            if refused.count == left.count {
                guard pauses < Self.rounds else { return refused }
                // Who asks this program to end gets what there is now.
                if kernel.sleep(milliseconds: Self.pause) { return refused }
                pauses += 1
            }
            left = refused
        }
        return []
    }

    /// Changes `IFF_UP` of one link; `struct ifinfomsg`: family, type, index, flags, mask of the flags to change.
    private static func request(_ link: NetworkLink, up: Bool) -> [UInt8] {
        var body: [UInt8] = [0, 0, 0, 0]
        body.appendLittle(link.index)
        body.appendLittle(up ? LinkFlags.up : UInt32(0))
        body.appendLittle(LinkFlags.up)
        return NetlinkMessage(type: NetlinkMessage.newLink, flags: [.request, .acknowledge], body: body).bytes
    }
}

/// What became of the network around a jump that did not happen.
public struct NetworkOutcome: Hashable, Sendable {
    /// Links that were taken down, in order.
    public var takenDown: [String] = []
    /// Links that could not be taken down, and stayed up.
    public var notTakenDown: [LinkFailure] = []
    /// Links that could not be brought up again.
    public var notBroughtUp: [LinkFailure] = []
    /// How many addresses the kernel did not take back.
    public var addressesLost = 0
    /// The same of routes.
    public var routesLost = 0
    /// The same of neighbours, `ip neigh`.
    public var neighboursLost = 0
    /// Routes that are not back yet: the kernel makes them again when their router next advertises them.
    public var routesAwaited = 0
    /// The state could not be read in full before: more may be lost than was counted.
    public var recordingFailure: CallFailure?

    public init() {}

    /// Whether links, addresses and routes are as they were, as far as this program can tell, or will be without it.
    public var isRestored: Bool {
        takenDown.isEmpty
            || (notBroughtUp.isEmpty && addressesLost == 0 && routesLost == 0 && neighboursLost == 0
                && recordingFailure == nil)
    }
}

/// A link, and why its state could not be changed.
public struct LinkFailure: Hashable, Sendable {
    /// The interface's name.
    public var link: String
    /// Positive.
    public var errno: Int32
    public init(link: String, errno: Int32) {
        self.link = link
        self.errno = errno
    }
}
