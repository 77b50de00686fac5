// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// A network link that is up.
struct NetworkLink: Hashable, Sendable {
    var index: UInt32
    var name: String
    /// The kernel makes routes of what routers advertise here (`accept_ra`): where it does not, another program did.
    var takesAdvertisements = false
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
    /// Routes that are not among them: the kernel makes them again when their router is heard again.
    private(set) var advertisedRoutes = 0
    private(set) var neighbours: [NetlinkMessage] = []
    /// The first dump that failed, if any; then some of the above is missing.
    private(set) var recordingFailure: CallFailure?

    /// Asks `kernel` for all of it.
    init<Kernel: KernelCalls>(recordingFrom kernel: inout Kernel) {
        links = dump(.getLink, family: 0, &kernel).compactMap(Self.link).sorted(by: Self.turn)
        guard !links.isEmpty else { return }
        for family in [Self.ipv4, Self.ipv6] {
            addresses += dump(.getAddress, family: family, &kernel).compactMap(ReplayRequest.address)
            for route in dump(.getRoute, family: family, &kernel) {
                if ReplayRequest.isAdvertised(route, on: links) {
                    advertisedRoutes += 1
                } else if let request = ReplayRequest.route(route) {
                    routes.append(request)
                }
            }
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
        let attributes = message.attributes(bodySize: 16)
        let name = attributes.value(of: LinkFlags.nameAttribute)
        return NetworkLink(
            index: index, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self),
            takesAdvertisements: takesAdvertisements(attributes.value(of: LinkFlags.familiesAttribute)))
    }

    /// By what each family of addresses has to say of the link: of IPv6 (`AF_INET6`, `IFLA_INET6_CONF`) its settings, 32
    /// bits each, of which `forwarding` is the first and `accept_ra` the fourth.
    private static func takesAdvertisements(_ families: [UInt8]) -> Bool {
        let family = NetlinkAttribute.split(families).value(of: UInt16(ipv6))
        let settings = NetlinkAttribute.split(family).value(of: LinkFlags.settingsAttribute)
        guard let forwarding = settings.loadLittle(UInt32.self, at: 0),
            let accepts = settings.loadLittle(UInt32.self, at: 12)
        else { return false }
        return accepts == 2 || accepts == 1 && forwarding == 0
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
    /// `IFLA_AF_SPEC`
    static let familiesAttribute: UInt16 = 26
    /// `IFLA_INET6_CONF`, in a family's part.
    static let settingsAttribute: UInt16 = 2
}
