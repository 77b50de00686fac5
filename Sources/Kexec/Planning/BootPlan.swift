// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// Where a segment's bytes come from; whatever its place is larger by is zero.
public enum SegmentContents: Hashable, Sendable {
    /// A range of the kernel image as it lies in memory (unpacked, where the file was compressed).
    case kernel(Range<Int>)
    /// A range of all initrds together.
    case initrd(Range<Int>)
    /// Made by the planner.
    case bytes([UInt8])
}

/// One run of physical memory and what the next kernel finds in it.
public struct Segment: Hashable, Sendable {
    /// "kernel", "initrd", "boot_params", "purgatory".
    public var name: String
    /// Page-aligned; at least as large as the contents.
    public var place: PhysicalRange
    public var contents: SegmentContents

    public init(name: String, place: PhysicalRange, contents: SegmentContents) {
        self.name = name
        self.place = place
        self.contents = contents
    }

    /// Bytes handed over, without the zero tail.
    public var contentSize: Int {
        switch contents {
        case .kernel(let range), .initrd(let range): range.count
        case .bytes(let bytes): bytes.count
        }
    }
}

/// The system call a plan goes by.
public enum SystemCall: Hashable, Sendable { case kexecLoad, kexecFileLoad, module }

/// What the image is, for the report.
public struct ImageFacts: Hashable, Sendable {
    /// As the user named it.
    public var path: String
    /// "bzImage64", "bzImage", "elf-x86_64", "elf-x86": kexec-tools' type names.
    public var kind: String
    /// "gzip", "xz", "lzma", "zstd", "lz4", "bzip2"; nil where the file is the image itself.
    public var compression: String?
    /// The boot protocol as 0x020f; nil where there is none.
    public var bootProtocol: UInt16?
}

/// Everything that will be handed to the kernel, decided and checked, before any of it is.
public struct BootPlan: Hashable, Sendable {
    public var image: ImageFacts
    public var target: LoadTarget
    /// The call to make first.
    public var systemCall: SystemCall
    /// Calls to try after it, in this order, where it is refused for a reason that another call may not share.
    public var alternatives: [SystemCall]
    public var entry: PhysicalAddress
    /// The final command line, without its NUL.
    public var commandLine: String
    public var digest: DigestChoice
    /// Ascending by address; empty where only kexec_file_load can place them.
    public var segments: [Segment]
}
