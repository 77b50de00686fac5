// SPDX-License-Identifier: MIT
import Foundation

/// A writer of cpio archives in the "newc" format that Linux unpacks as initramfs (kernel documentation
/// `driver-api/early-userspace/buffer-format.rst`): per file a header of 110 ASCII bytes, the name, the contents; name and
/// contents are padded to 4 bytes.
struct CPIOArchive {
    private(set) var bytes: [UInt8] = []
    private var inode: UInt32 = 0
    private var folders: Set<String> = []

    /// File types and permission bits as in `mode_t`.
    private enum Mode {
        static let folder: UInt32 = 0o040755
        static let program: UInt32 = 0o100755
        static let file: UInt32 = 0o100644
        static let link: UInt32 = 0o120777
        static let character: UInt32 = 0o020600
    }

    mutating func add(folder path: String) {
        guard !path.isEmpty, folders.insert(path).inserted else { return }
        addParents(of: path)
        entry(path, mode: Mode.folder, contents: [])
    }

    mutating func add(file path: String, _ contents: [UInt8], executable: Bool = false) {
        addParents(of: path)
        entry(path, mode: executable ? Mode.program : Mode.file, contents: contents)
    }

    /// The head of a file whose contents, a multiple of 4 bytes, the caller puts between `bytes` and what comes next.
    mutating func add(headOf path: String, size: UInt32) {
        addParents(of: path)
        entry(path, mode: Mode.file, contents: [], size: size)
    }

    mutating func add(link path: String, to target: String) {
        addParents(of: path)
        entry(path, mode: Mode.link, contents: Array(target.utf8))
    }

    /// The kernel opens `/dev/console` for PID 1 before anything is mounted.
    mutating func add(characterDevice path: String, major: UInt32, minor: UInt32) {
        addParents(of: path)
        entry(path, mode: Mode.character, contents: [], device: (major, minor))
    }

    /// Ends the archive and pads it to 512 bytes; more archives may be appended.
    mutating func finish() {
        entry("TRAILER!!!", mode: 0, contents: [])
        pad(to: 512)
    }

    private mutating func addParents(of path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        add(folder: String(path[..<slash]))
    }

    private mutating func entry(
        _ path: String, mode: UInt32, contents: [UInt8], size: UInt32? = nil,
        device: (major: UInt32, minor: UInt32) = (0, 0)
    ) {
        inode += 1
        let name = Array(path.utf8) + [0]
        let links: UInt32 = mode & 0o170000 == 0o040000 ? 2 : 1
        let fields: [UInt32] = [
            inode, mode, 0, 0, links, 0, size ?? UInt32(contents.count), 0, 0, device.major, device.minor,
            UInt32(name.count), 0,
        ]
        bytes += Array("070701".utf8)
        for field in fields { bytes += Self.hexadecimal(field) }
        bytes += name
        pad(to: 4)
        bytes += contents
        pad(to: 4)
    }

    private mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    private static func hexadecimal(_ value: UInt32) -> [UInt8] {
        (0..<8).map { Array("0123456789abcdef".utf8)[Int(value >> (28 - 4 * $0)) & 15] }
    }
}
