// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// The kinds of `struct setup_data` that we pass on ("setup_data" in the boot protocol, <asm/setup_data.h>).
public enum SetupDataType {
    /// `SETUP_E820_EXT`: the E820 entries beyond those in boot_params, 20 bytes each.
    public static let e820Extension: UInt32 = 1
    /// `SETUP_EFI`: `struct efi_setup_data`, EFI's tables for a kernel that kexec starts.
    public static let efi: UInt32 = 4
    /// `SETUP_RNG_SEED`: random bytes, which the kernel wipes once it has taken them.
    public static let rngSeed: UInt32 = 9
}

/// A linked list of `struct setup_data` nodes, laid one after the other, each on a multiple of 16 bytes.
///
///     0     8      12    16
///     +-----+------+-----+----------+   next: physical address of the node after it, 0 for the last
///     | next| type | len | payload  |
///     +-----+------+-----+----------+
public struct SetupDataList: Hashable, Sendable {
    /// One node, without its place.
    public struct Node: Hashable, Sendable {
        /// Of `SetupDataType`, or one that Linux passes on unread.
        public var type: UInt32
        public var payload: [UInt8]
    }

    /// In the order in which they are linked.
    public private(set) var nodes: [Node] = []

    public init() {}

    public mutating func append(type: UInt32, payload: [UInt8]) {
        nodes.append(Node(type: type, payload: payload))
    }

    public var isEmpty: Bool { nodes.isEmpty }

    /// Bytes that the encoded list takes.
    public var size: Int { nodes.reduce(0) { $0 + Self.space(of: $1) } }

    /// The offset of a node's payload in the encoded list; nil where there is no such node.
    public func payloadOffset(of type: UInt32) -> Int? {
        var offset = 0
        for node in nodes {
            if node.type == type { return offset + Self.headerSize }
            offset += Self.space(of: node)
        }
        return nil
    }

    /// The list's bytes, for the place that begins at `start`.
    public func encoded(at start: PhysicalAddress) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, node) in nodes.enumerated() {
            let next = start.rawValue + UInt64(bytes.count + Self.space(of: node))
            bytes.appendLittle(index + 1 < nodes.count ? next : 0)
            bytes.appendLittle(node.type)
            bytes.appendLittle(UInt32(node.payload.count))
            bytes += node.payload
            bytes.pad(to: 16)
        }
        return bytes
    }

    private static let headerSize = 16

    private static func space(of node: Node) -> Int { (headerSize + node.payload.count + 15) / 16 * 16 }
}
