// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// A network link that is up.
struct NetworkLink: Hashable, Sendable {
    var index: UInt32
    var name: String
}

/// What is lost when links are taken down, kept as the messages that bring it back.
///
/// Taking a link down removes its routes, its IPv6 addresses and its fixed neighbours; taking it up again brings back
/// only what the kernel made by itself. So all of that is dumped before, and each entry is turned into the request
/// that would create it. What already is there is not touched by such a request.
struct NetworkState: Hashable, Sendable {
    /// In the order in which they are taken down: what is stacked on others first.
    private(set) var links: [NetworkLink] = []
    private(set) var addresses: [NetlinkMessage] = []
    private(set) var routes: [NetlinkMessage] = []
    private(set) var neighbours: [NetlinkMessage] = []
    /// The first dump that failed, if any; then some of the above is missing.
    private(set) var recordingFailure: CallFailure?

    /// Asks `kernel` for all of it.
    init<Kernel: KernelCalls>(recordingFrom kernel: inout Kernel) {
        links = dump(.getLink, family: 0, &kernel).compactMap(Self.link).sorted(by: Self.turn)
        guard !links.isEmpty else { return }
        for family in [Self.ipv4, Self.ipv6] {
            addresses += dump(.getAddress, family: family, &kernel).compactMap(ReplayRequest.address)
            routes += dump(.getRoute, family: family, &kernel).compactMap(ReplayRequest.route)
        }
        neighbours = dump(.getNeighbour, family: 0, &kernel).compactMap(ReplayRequest.neighbour)
    }

    /// `AF_INET`, `AF_INET6`
    static let ipv4: UInt8 = 2
    static let ipv6: UInt8 = 10

    private enum Dump { case getLink, getAddress, getRoute, getNeighbour }

    private mutating func dump<Kernel: KernelCalls>(
        _ dump: Dump, family: UInt8, _ kernel: inout Kernel
    ) -> [NetlinkMessage] {
        let (type, answer, size) =
            switch dump {
            case .getLink: (NetlinkMessage.getLink, NetlinkMessage.newLink, 16)
            case .getAddress: (NetlinkMessage.getAddress, NetlinkMessage.newAddress, 8)
            case .getRoute: (NetlinkMessage.getRoute, NetlinkMessage.newRoute, 12)
            case .getNeighbour: (NetlinkMessage.getNeighbour, NetlinkMessage.newNeighbour, 12)
            }
        var body = [UInt8](repeating: 0, count: size)
        body[0] = family
        let reply = kernel.netlink(NetlinkMessage(type: type, flags: [.request, .dump], body: body).bytes)
        if reply.result < 0, recordingFailure == nil {
            recordingFailure = CallFailure(call: .netlink, errno: Int32(clamping: -reply.result))
        }
        // A kernel without IPv6 answers with the entries of all families.
        return NetlinkMessage.split(reply.messages).filter {
            $0.type == answer && (family == 0 || $0.body(size: 1) == [family])
        }
    }

    /// A link that is up and no loopback; `struct ifinfomsg`. Aliases ("eth0:1") are addresses, not links.
    private static func link(_ message: NetlinkMessage) -> NetworkLink? {
        let body = message.body(size: 16)
        guard let index = body.loadLittle(UInt32.self, at: 4), let flags = body.loadLittle(UInt32.self, at: 8),
            flags & LinkFlags.up != 0, flags & LinkFlags.loopback == 0
        else { return nil }
        let name = message.attributes(bodySize: 16).first { $0.type == LinkFlags.nameAttribute }?.value ?? []
        return NetworkLink(index: index, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
    }

    /// When a link goes down: traffic shapers first, as ever in kexec-tools; then what was made later, as it may lie on top
    /// of others.
    private static func turn(of link: NetworkLink) -> UInt64 {
        let isShaper = link.name.utf8.starts(with: "shaper".utf8)
        return (isShaper ? 0 : 1 << 32) + UInt64(UInt32.max - link.index)
    }
}

/// `IFF_*` of `<linux/if.h>`, `IFLA_*` of `<linux/if_link.h>`.
enum LinkFlags {
    static let up: UInt32 = 1
    static let loopback: UInt32 = 8
    static let nameAttribute: UInt16 = 3
}
