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
