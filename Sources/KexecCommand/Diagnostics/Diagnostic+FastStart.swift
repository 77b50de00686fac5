// SPDX-License-Identifier: MIT
internal import Kexec

extension Diagnostic {
    /// Each word with what it costs, or with "not" and why: "quiet (consoles get errors only)".
    static func words(for fast: FastStart) -> String {
        var text = ""
        for choice in fast.choices {
            if !text.utf8.isEmpty { text += ", " }
            if choice.obstacle != nil { text += "not " }
            text += choice.word.text + " (" + words(for: choice) + ")"
        }
        return text
    }

    static func words(for choice: FastStart.Choice) -> String {
        switch choice.obstacle {
        case nil:
            switch choice.word {
            case .noCryptoTests: "cryptographic algorithms are used untested"
            case .noTimerCheck: "the timer is trusted to work as it does now"
            case .quiet: "consoles get errors only"
            }
        case .given?: "is there already"
        case .fipsMode?: "FIPS mode wants the self-tests"
        case .timerNotProved?: "/proc/interrupts shows no timer at the I/O APIC"
        case .noSerialConsole?: "there is no serial console to wait for"
        case .messagesWanted?: "another word asks for messages"
        }
    }
}
