// SPDX-License-Identifier: MIT
import Testing

@testable import BootFormats

@Suite struct ByteStringTests {
    private let everyByte = [UInt8](1...255)

    @Test func holdsEveryByteThatCanBeInALine() {
        let text = ByteString(everyByte)
        #expect(text.bytes == everyByte && text.count == 255)
        #expect((text + "=" + text).bytes == everyByte + [0x3d] + everyByte)
        #expect(text.terminated == everyByte + [0])
        #expect(ByteString(cString: text.cString) == text)
    }

    @Test func endsWhereCEnds() {
        #expect(ByteString([0x61, 0, 0x62]) == "a")
        #expect(ByteString([0]).isEmpty && ByteString([]).cString == [0])
    }

    @Test func isTheUTF8OfALiteral() {
        #expect(("é" as ByteString).bytes == [0xc3, 0xa9])
        #expect("'\("é" as ByteString)'" == "'é'")
    }

    /// Every form that RFC 3629 forbids, beside its nearest neighbour that it allows.
    @Test(
        arguments: [
            ([0x61, 0xe9, 0xff], "a\\xe9\\xff"), ([0xc3, 0xa9], "é"), ([0xc3], "\\xc3"), ([0xa9, 0x61], "\\xa9a"),
            ([0xc1, 0xbf], "\\xc1\\xbf"), ([0xc2, 0xa1], "\u{a1}"), ([0xe0, 0x9f, 0xbf], "\\xe0\\x9f\\xbf"),
            ([0xe0, 0xa0, 0x80], "\u{800}"), ([0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"), ([0xed, 0x9f, 0xbf], "\u{d7ff}"),
            ([0xf0, 0x8f, 0xbf, 0xbf], "\\xf0\\x8f\\xbf\\xbf"), ([0xf0, 0x90, 0x80, 0x80], "\u{10000}"),
            ([0xf4, 0x8f, 0xbf, 0xbf], "\u{10ffff}"), ([0xf4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"),
            ([0xf5, 0x80, 0x80, 0x80], "\\xf5\\x80\\x80\\x80"), ([0xe2, 0x82], "\\xe2\\x82"),
            ([0xe2, 0x82, 0x41], "\\xe2\\x82A"),
        ] as [([UInt8], String)])
    func showsAByteOfNoCharacterByItsNumber(_ bytes: [UInt8], _ text: String) {
        #expect(ByteString(bytes).description == text)
    }

    @Test func showsOfAnyTwoBytesWhatTheStandardLibraryCallsNoCharacter() {
        for first in UInt8.min...UInt8.max where first != 0 {
            for second in UInt8.min...UInt8.max where second != 0 {
                let isText = String(validating: [first, second], as: UTF8.self) != nil
                #expect((ByteString([first, second]).description.utf8.count == 2) == isText)
            }
        }
    }
}
