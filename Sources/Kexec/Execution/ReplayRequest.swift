// SPDX-License-Identifier: MIT
internal import BootFormats

/// Turns an entry of a dump into the request that would create it: most of it is the same message, less what only the
/// kernel may say.
enum ReplayRequest {
    private static let createOnly: NetlinkMessage.Flags = [.request, .acknowledge, .create, .exclusive]

    /// `struct ifaddrmsg`: family, prefix length, flags, scope, link. An address that exists is left alone.
    static func address(_ message: NetlinkMessage) -> NetlinkMessage? {
        let body = message.body(size: 8)
        // IFA_F_TEMPORARY: privacy addresses; the kernel makes new ones from the address they belong to.
        guard body.count == 8, body[0] != NetworkState.ipv6 || body[2] & 1 == 0 else { return nil }
        return NetlinkMessage(
            type: NetlinkMessage.newAddress, flags: createOnly, body: body, attributes: message.attributes(bodySize: 8))
    }

    /// `struct ndmsg`: only what someone entered for good, `NUD_PERMANENT`; the rest is found again when needed.
    static func neighbour(_ message: NetlinkMessage) -> NetlinkMessage? {
        let body = message.body(size: 12)
        let isInternet = body.first == NetworkState.ipv4 || body.first == NetworkState.ipv6
        guard isInternet, let state = body.loadLittle(UInt16.self, at: 8), state & 0x80 != 0 else { return nil }
        let kept = message.attributes(bodySize: 12).filter { $0.type == 1 || $0.type == 2 }  // NDA_DST, NDA_LLADDR
        return NetlinkMessage(type: NetlinkMessage.newNeighbour, flags: createOnly, body: body, attributes: kept)
    }

    /// `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
    ///
    /// Appended, not replaced: routes of several links may share destination and metric, and a replacement would take
    /// the place of the first of them. The same route twice is refused by the kernel with EEXIST.
    static func route(_ message: NetlinkMessage) -> NetlinkMessage? {
        var body = message.body(size: 12)
        guard body.count == 12, let flags = body.loadLittle(UInt32.self, at: 8), flags & cloned == 0,
            !comesBackByItself(body, message)
        else { return nil }
        body.store(flags & userFlags, at: 8)
        var attributes: [NetlinkAttribute] = []
        for attribute in message.attributes(bodySize: 12) {
            switch attribute.type {
            // With RTA_NH_ID the kernel takes no nexthop written out; the dump has both, and the object that the
            // number names is gone with its link.
            case nexthopID: break
            case cacheInfo: attributes += expiry(attribute.value)
            case multipath:
                attributes.append(NetlinkAttribute(type: multipath, value: withoutState(attribute.value)))
            default: attributes.append(attribute)
            }
        }
        return NetlinkMessage(
            type: NetlinkMessage.newRoute, flags: [.request, .acknowledge, .create, .append], body: body,
            attributes: attributes)
    }

    /// `RTM_F_CLONED`: a cached result, no route.
    private static let cloned: UInt32 = 0x200
    /// `RTPROT_REDIRECT`; and `RTPROT_KERNEL`, but for what network managers take that number for, too: routes to the
    /// networks of addresses that were entered without one (`IFA_F_NOPREFIXROUTE`). Where the kernel makes such a route
    /// itself it has done so before ours, which it then refuses; only those to fe80::/10 wait for a carrier.
    private static func comesBackByItself(_ body: [UInt8], _ message: NetlinkMessage) -> Bool {
        guard body[5] == 2 else { return body[5] == 1 }
        let destination = message.attributes(bodySize: 12).value(of: destination)
        let isLinkLocal = destination.first == 0xfe && (destination.dropFirst().first ?? 0) & 0xc0 == 0x80
        // RT_TABLE_LOCAL; RTN_UNICAST
        return body[4] == 255 || body[7] != 1 || body[0] == NetworkState.ipv6 && isLinkLocal
    }

    /// Whether the kernel has made this route of an advertisement, and will again: `RTPROT_RA`, which is also what network
    /// managers call routes that they make of advertisements themselves. Theirs are told apart by the link, where the kernel
    /// then takes none, by several nexthops, and by no end of a default route, which the kernel's always have.
    static func isAdvertised(_ message: NetlinkMessage, on links: [NetworkLink]) -> Bool {
        let body = message.body(size: 12)
        let attributes = message.attributes(bodySize: 12)
        guard body.count == 12, body[5] == 9, body[9] & UInt8(cloned >> 8) == 0,
            let link = attributes.value(of: outputLink).loadLittle(UInt32.self, at: 0),
            links.contains(where: { $0.index == link && $0.takesAdvertisements })
        else { return false }
        return body[1] > 0 || !expiry(attributes.value(of: cacheInfo)).isEmpty
    }

    /// `RTNH_F_PERVASIVE` and `RTNH_F_ONLINK`: the others (dead, no carrier, offloaded) tell a state, and a request
    /// that has them is refused.
    private static let userFlags: UInt32 = 2 | 4
    /// `RTA_*`
    private static let destination: UInt16 = 1
    private static let outputLink: UInt16 = 4
    private static let multipath: UInt16 = 9
    private static let cacheInfo: UInt16 = 12
    private static let expires: UInt16 = 23
    private static let nexthopID: UInt16 = 30

    /// `rta_cacheinfo.rta_expires` in hundredths of a second, as `RTA_EXPIRES` in seconds.
    private static func expiry(_ info: [UInt8]) -> [NetlinkAttribute] {
        guard let ticks = info.loadLittle(UInt32.self, at: 8), ticks > 0, ticks <= UInt32(Int32.max) else { return [] }
        var value: [UInt8] = []
        value.appendLittle(max(1, ticks / 100))
        return [NetlinkAttribute(type: expires, value: value)]
    }

    /// `struct rtnexthop`: length u16, flags u8, weight u8, link u32, attributes; one behind the other.
    private static func withoutState(_ nexthops: [UInt8]) -> [UInt8] {
        var result = nexthops
        var position = 0
        while let length = nexthops.loadLittle(UInt16.self, at: position), length >= 8,
            Int(length) <= nexthops.count - position
        {
            result[position + 2] &= UInt8(userFlags)
            position = (position + Int(length) + 3) & ~3
        }
        return result
    }
}
