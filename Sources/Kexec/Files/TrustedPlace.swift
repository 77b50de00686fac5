// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

/// Why nothing is written at a place. Facts only.
public enum PlaceProblem: Error, Hashable, Sendable {
    /// A symbolic link on the way belongs to another user, who could lead the file anywhere.
    case link(owner: UInt32)
    /// The folder belongs to another user than the caller.
    case owner(UInt32)
    /// Others may write into the folder; its permission bits.
    case writable(mode: UInt32)
    /// A call failed.
    case failed(errno: Int32)
}

/// A path to write to, taken apart for calls like openat(2): a zero ends each name.
struct TrustedPlace {
    private var names: [UInt8]
    private let isAbsolute: Bool
    /// Where the last name begins, and ends.
    private let last: Int
    private let end: Int

    init(_ path: ByteString) {
        names = path.terminated
        isAbsolute = names[0] == Self.slash
        var length = names.count - 1
        while length > 1, names[length - 1] == Self.slash { length -= 1 }
        var last = 0
        for index in 0..<length where names[index] == Self.slash {
            names[index] = 0
            last = index + 1
        }
        names[length] = 0
        self.last = last
        end = length
    }

    private static let slash = UInt8(ascii: "/")

    /// The last name, with its zero; a path that ends with the root has none.
    var name: [UInt8] { Array(names[last...end]) }

    /// Opens the folder that the last name is in.
    ///
    /// This program runs as root, and its users name places in folders that others may write, such as `/tmp`. Of the links on
    /// the way only root's and the caller's own are followed. fs.protected_symlinks does that for folders with the sticky bit.
    /// - Returns: a descriptor for calls like openat(2) (O_PATH).
    func openFolder() throws(PlaceProblem) -> FileDescriptor { try walk(from: AT_FDCWD, to: last, makes: false, 0) }

    /// The same for the last name itself.
    func open() throws(PlaceProblem) -> FileDescriptor { try walk(from: AT_FDCWD, to: end, makes: false, 0) }

    /// Opens the folder of the last name below `root`, or the last name itself, and makes what is missing. All of it has to be
    /// the caller's own; no link is followed.
    func make(below root: borrowing FileDescriptor, all: Bool) throws(PlaceProblem) -> FileDescriptor {
        try walk(from: root.number, to: all ? end : last, makes: true, 0)
    }

    /// One name at a time, each from the folder before it.
    private func walk(from start: Int32, to end: Int, makes: Bool, _ links: Int) throws(PlaceProblem) -> FileDescriptor
    {
        // As many as Linux follows.
        guard links <= 40 else { throw .failed(errno: ELOOP) }
        var folder = try openedAt(isAbsolute ? AT_FDCWD : start, isAbsolute ? [Self.slash, 0] : here, pathOnly)
        var position = 0
        while position < end {
            let name = position
            while names[position] != 0 { position += 1 }
            position += 1
            if names[name] == 0 { continue }
            // The name lives for each call.
            if makes { try unsafe call(name) { unsafe kx_mkdirat(folder.number, $0, 0o700) } }
            let next = FileDescriptor(
                owning: try unsafe call(name) { unsafe kx_open_name(folder.number, $0, pathOnly | O_NOFOLLOW) })
            let (mode, owner) = try ownership(of: next.number)
            if mode & UInt32(S_IFMT) != UInt32(S_IFLNK) {
                if makes { try checkOwn(next) }
                folder = next
                continue
            }
            guard !makes else { throw .failed(errno: ELOOP) }
            guard owner == 0 || owner == geteuid() else { throw .link(owner: owner) }
            let target = try TrustedPlace(linkTarget(next.number))
            folder = try target.walk(from: folder.number, to: target.end, makes: false, links + 1)
        }
        return folder
    }
}

extension TrustedPlace {
    /// A call on the name that begins at `start`; what is to be made may be there.
    @discardableResult
    @inline(never) private func call(
        _ start: Int, _ body: (UnsafePointer<UInt8>) -> Int32
    ) throws(PlaceProblem) -> Int32 {
        let result = unsafe names.withUnsafeBufferPointer {
            unsafe $0.baseAddress.map { unsafe body($0 + start) } ?? -EINVAL
        }
        guard result >= 0 || result == -EEXIST else { throw .failed(errno: -result) }
        return result
    }
}

/// Makes a folder for the caller alone; leaves what is there for others to look at.
func makeFolder(_ name: [UInt8], in folder: borrowing FileDescriptor) throws(PlaceProblem) {
    let made = unsafe kx_mkdirat(folder.number, name, 0o700)
    guard made >= 0 || made == -EEXIST else { throw .failed(errno: -made) }
}

/// Checks that a folder belongs to the caller, and that nobody else may write into it.
func checkOwn(_ folder: borrowing FileDescriptor) throws(PlaceProblem) {
    let (mode, owner) = try ownership(of: folder.number)
    guard owner == geteuid() else { throw .owner(owner) }
    guard mode & 0o022 == 0 else { throw .writable(mode: mode & 0o7777) }
}

/// Opens a name in an open folder; `close-on-exec` is set, and a new file is the caller's alone.
@inline(never) func openedAt(_ folder: Int32, _ name: [UInt8], _ flags: Int32) throws(PlaceProblem) -> FileDescriptor {
    let number = unsafe kx_open_name(folder, name, flags)
    guard number >= 0 else { throw .failed(errno: -number) }
    return FileDescriptor(owning: number)
}

/// ".", as a name.
let here: [UInt8] = [0x2e, 0]
private let pathOnly = Int32(KX_PATH_ONLY)

@inline(never) private func ownership(of file: Int32) throws(PlaceProblem) -> (mode: UInt32, owner: UInt32) {
    var mode: UInt32 = 0
    var owner: UInt32 = 0
    // Both are written before the call returns.
    let result = unsafe kx_ownership(file, &mode, &owner)
    guard result == 0 else { throw .failed(errno: -result) }
    return (mode, owner)
}

private func linkTarget(_ link: Int32) throws(PlaceProblem) -> ByteString {
    var target = [UInt8](repeating: 0, count: 4096)
    // The buffer has as many bytes as the call is told.
    let count = unsafe target.withUnsafeMutableBytes { unsafe kx_read_link(link, $0.baseAddress, UInt($0.count)) }
    guard count > 0 else { throw .failed(errno: count == 0 ? ENOENT : Int32(clamping: -count)) }
    return ByteString(target[..<Int(count)])
}
