// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

/// Reads a number as C writes it (0x1f, 017, 15), with K, M, G or T behind it for powers of 1024.
/// - Parameter option: as written, for the error.
func parseNumber(_ text: String, option: String) throws(UsageError) -> UInt64 {
    var digits = Array(text.utf8)
    var shift: UInt64 = 0
    if let last = digits.last, let suffix = [UInt8]("kmgt".utf8).firstIndex(of: last | 0x20) {
        shift = 10 * UInt64(suffix + 1)
        digits.removeLast()
    }
    var radix: UInt64 = 10
    if digits.count > 1, digits[0] == UInt8(ascii: "0") {
        let isHexadecimal = digits[1] | 0x20 == UInt8(ascii: "x")
        radix = isHexadecimal ? 16 : 8
        digits.removeFirst(isHexadecimal ? 2 : 1)
    }
    guard !digits.isEmpty else { throw .notANumber(option: option, value: text) }
    var value: UInt64 = 0
    for byte in digits {
        guard let digit = digitValue(byte), digit < radix else { throw .notANumber(option: option, value: text) }
        let (product, overflow) = value.multipliedReportingOverflow(by: radix)
        let (sum, carry) = product.addingReportingOverflow(digit)
        guard !overflow, !carry else { throw .numberTooLarge(option: option, value: text) }
        value = sum
    }
    guard value <= UInt64.max >> shift else { throw .numberTooLarge(option: option, value: text) }
    return value << shift
}

private func digitValue(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
}

/// Finds `text` among the words that an option takes.
func parseChoice<Value>(
    _ text: String, option: String, among choices: [(word: String, value: Value)]
) throws(UsageError) -> Value {
    for choice in choices where choice.word.utf8.elementsEqual(text.utf8) { return choice.value }
    let words = choices.map { $0.word }
    throw .unknownChoice(
        option: option, value: text, choices: words, nearest: nearestWord(to: Array(text.utf8)[...], among: words))
}

/// The I/O port of an 8250 UART: by its Linux name, or as a number.
///
/// The UART has eight registers, all of which must have a 16-bit address.
func parseSerialPort(_ text: String) throws(UsageError) -> UInt16 {
    if text.utf8.elementsEqual("ttyS0".utf8) { return 0x3f8 }
    if text.utf8.elementsEqual("ttyS1".utf8) { return 0x2f8 }
    do throws(UsageError) {
        let port = try parseNumber(text, option: "")
        if (1...0xfff8).contains(port) { return UInt16(truncatingIfNeeded: port) }
    } catch {}
    throw .badSerialPort(text)
}

/// The speed of an 8250 UART, whose clock can be divided by whole numbers only.
func parseBaudRate(_ text: String) throws(UsageError) -> UInt32 {
    do throws(UsageError) {
        let rate = try parseNumber(text, option: "")
        if (9600...115_200).contains(rate), 115_200 % rate == 0 { return UInt32(truncatingIfNeeded: rate) }
    } catch {}
    throw .badBaudRate(text)
}

/// A BIOS's number of a drive: 0x80 is the first hard disk.
func parseDrive(_ text: String, option: String) throws(UsageError) -> UInt8 {
    let number = try parseNumber(text, option: option)
    guard let drive = UInt8(exactly: number) else { throw .badDrive(option: option, value: text) }
    return drive
}

/// At most a day: longer than that nobody remembers what is going to happen.
func parseDelay(_ text: String, option: String) throws(UsageError) -> UInt32 {
    let number = try parseNumber(text, option: option)
    guard number <= 86400 else { throw .badDelay(text) }
    return UInt32(truncatingIfNeeded: number)
}

/// A file or directory name, which cannot be empty.
func parsePath(_ text: ByteString, option: String) throws(UsageError) -> ByteString {
    guard !text.isEmpty else { throw .emptyValue(option) }
    return text
}
