// SPDX-License-Identifier: MIT

/// The name of a field, as its specification spells it: `pref_address`, `e_phoff`.
public struct FieldName: Hashable, Sendable, ExpressibleByStringLiteral {
    private let text: StaticString
    public init(stringLiteral text: StaticString) { self.text = text }

    public var description: String { text.description }

    public static func == (left: FieldName, right: FieldName) -> Bool {
        left.description.utf8.elementsEqual(right.description.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        for byte in description.utf8 { hasher.combine(byte) }
    }
}

/// Why bytes are not the image they should be. Facts only: one place elsewhere makes sentences of them.
public enum ImageError: Error, Hashable, Sendable {
    /// The file has no bytes at all.
    case empty
    /// No known format; `looksLike` is what the first bytes suggest.
    case unrecognised(looksLike: UnknownContent)
    /// The caller says what the image is, and it is something else.
    case otherKind(wanted: ImageKind, found: ImageKind)
    /// The bytes end before the field does.
    case endsInside(FieldName, at: Int, needed: Int, available: Int)
    /// A part that a header describes lies (partly) beyond the end of the bytes, all of which are `available`.
    case partBeyondEnd(FieldName, at: UInt64, size: UInt64, available: Int)
    /// A field has a value that it must not have.
    case badValue(FieldName, at: Int, found: UInt64, needed: Requirement)
    /// Where `payload_offset` leads, no format begins that Linux is packed with.
    case badPayload(at: Int)
    /// The last four bytes of a bzImage's payload, which has `packed` bytes, are not the size of what it holds.
    case badPayloadSize(at: Int, found: UInt32, packed: UInt64)
    /// The boot protocol is older than what is asked of it.
    case protocolTooOld(found: UInt16, needed: UInt16, at: Int)
    /// Two parts of an image want the same physical memory; numbered as in the file, from 0.
    case partsOverlap(FieldName, first: Int, second: Int, at: UInt64)
    /// An ELF file for another processor: `e_machine`.
    case otherMachine(ELFMachine)
    /// An ELF program that a dynamic linker would have to prepare: it has a `PT_INTERP`.
    case needsInterpreter
    /// A Multiboot2 header requires what kexec never has.
    case unmetDemand(MultibootDemand, at: Int)
    /// A Multiboot header does not say where the image is loaded or entered, and no ELF header does.
    case needsAddresses
    /// A disk image ends inside a sector; all of its bytes.
    case partialSector(size: Int)
    /// A file that shall be a boot sector has more bytes than one can bring with it.
    case tooLargeForBootSector(size: Int, limit: Int)
    /// A disk's sectors have so many bytes, and a BIOS starts from 512 only.
    case sectorSize(UInt64)
    /// Nothing in an ELF file is to be loaded: no `PT_LOAD` has memory.
    case nothingToLoad
}

/// What a Multiboot2 header can require.
public enum MultibootDemand: Hashable, Sendable {
    /// A tag of the header: `type`.
    case headerTag(UInt16)
    /// A tag of the information: one of `mbi_tag_types`.
    case information(UInt32)
}

/// What a value would have had to be.
public enum Requirement: Hashable, Sendable {
    case exactly(UInt64)
    case atLeast(UInt64)
    case atMost(UInt64)
    case powerOfTwo
    case oneOf(StaticStringList)
    /// Together with the field named, less than 2 to the power of `bits`.
    case sumBelow(bits: Int, with: FieldName)
    /// An address in a part of the image that is filled from the file.
    case insideLoadedPart
    /// The address of a page between `pref_address` and `init_size` bytes later.
    case insideInitSize
}

/// A short list for people: "EM_386 (3), EM_X86_64 (62)".
public struct StaticStringList: Hashable, Sendable, ExpressibleByStringLiteral {
    /// The whole list, as one text.
    public let name: FieldName
    public init(stringLiteral text: StaticString) { name = FieldName(stringLiteral: text) }
}
