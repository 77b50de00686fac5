// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// A kernel with a Multiboot header: entered in 32-bit protected mode, with a block of information in memory.
///
/// Multiboot Specification 0.6.96 and Multiboot2 Specification 2.0.
public struct MultibootImage: Hashable, Sendable {
    /// Of the two specifications: they have no header, magic number or block of information in common.
    public enum Version: Hashable, Sendable { case one, two }

    /// Which of the two it is entered by; an image may have headers of both.
    public var version: Version
    /// What is loaded, all of it below 4 GiB: the file as an ELF executable, or one segment as the header's address
    /// fields describe it.
    public var program: ELFImage
    /// Where it may be loaded instead; nil where it must be where `program` says.
    public var relocation: Relocation?
    /// The image cannot do without information on the screen.
    public var needsFramebuffer = false
    /// It can use a screen in EGA's text mode.
    public var takesText = true
    /// It can use a screen of pixels.
    public var takesPixels = true
    /// It has the tag for EFI's boot services: on a machine with EFI it wants to be started while they run.
    public var wantsBootServices = false
    /// It is loaded as the ELF file's headers say, not by addresses of its own.
    public var isLoadedAsELF = false

    /// The relocatable tag of Multiboot2.
    public struct Relocation: Hashable, Sendable {
        /// `preference`: none, the lowest or the highest place that fits.
        public enum Preference: UInt32, Hashable, Sendable { case none, lowest, highest }

        /// `min_addr` to `max_addr`.
        public var bounds: PhysicalRange
        /// `align`, a power of two.
        public var alignment: UInt64
        /// Which of several places the image asks for.
        public var preference: Preference
    }

    public init(version: Version, program: ELFImage) {
        self.version = version
        self.program = program
    }

    public var kind: ImageKind { version == .one ? .multibootX86 : .multiboot2X86 }

    /// From the first byte that is loaded to the last, zeros included.
    public var range: PhysicalRange {
        var range: PhysicalRange?
        for segment in program.segments {
            let start = segment.physicalAddress
            let end = PhysicalAddress(start.rawValue + segment.memorySize)
            range = PhysicalRange(from: min(range?.start ?? start, start), to: max(range?.end ?? end, end))
        }
        return range ?? PhysicalRange(from: .zero, to: .zero)
    }

    /// The same image with its first byte at `start`, which leaves all of it below 4 GiB.
    public func moved(to start: PhysicalAddress) -> MultibootImage {
        let distance = start.rawValue &- range.start.rawValue
        var moved = self
        for index in moved.program.segments.indices {
            let old = moved.program.segments[index].physicalAddress.rawValue
            moved.program.segments[index].physicalAddress = PhysicalAddress(old &+ distance)
        }
        moved.program.entry = program.entry &+ distance
        return moved
    }
}
