// SPDX-License-Identifier: MIT
internal import Kexec

/// Why nothing is written at a place, as the end of a sentence.
func placeText(_ problem: PlaceProblem) -> String {
    switch problem {
    case .link(let owner): "a symbolic link on the way belongs to user " + String(owner) + ", need a link of your own"
    case .owner(let owner): "the directory belongs to user " + String(owner) + ", need one of your own"
    case .writable(let mode):
        "the directory has mode 0" + String(mode, radix: 8) + ", need one that group and others may not write into"
    case .failed(let errno): errnoText(errno)
    }
}

/// Whether the place is refused because of other users.
func isOfOthers(_ problem: PlaceProblem) -> Bool { if case .failed = problem { false } else { true } }
