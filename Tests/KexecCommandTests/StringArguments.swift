// SPDX-License-Identifier: MIT
import BootFormats

@testable import KexecCommand

// Words of a command line as literals.

func parse(_ arguments: [String]) throws(UsageError) -> KexecInvocation { try parse(arguments.map { ByteString($0) }) }

extension OptionParser {
    init(_ arguments: [String], entries: [OptionEntry] = OptionTable.entries) {
        self.init(arguments.map { ByteString($0) }, entries: entries)
    }
}

extension MkelfimageOptions {
    static func parse(_ arguments: [String]) throws(UsageError) -> MkelfimageAction {
        try parse(arguments.map { ByteString($0) })
    }
}
