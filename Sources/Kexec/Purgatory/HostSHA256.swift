// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

// SwiftPM can give single files no processor features without flags that forbid the package's use as a dependency. So the
// ordinary build computes SHA-256 by portable code, and the shipped program, which is linked by hand, takes purgatory's
// unit for the SHA extensions in as an object of its own and defines SHA_EXTENSIONS: five times as fast.

#if SHA_EXTENSIONS
    /// SHA-256 as fast as this machine computes it.
    struct HostSHA256: PairedSHA256Engine {
        private let usesExtensions = kx_has_sha_extensions() != 0

        func absorb(_ blocks: RawSpan, into state: inout SHA256.State) {
            guard usesExtensions else { return VectorSHA256().absorb(blocks, into: &state) }
            var words = state.mutableSpan
            // Both pointers are used during the call only, for as many bytes as the spans have.
            unsafe words.withUnsafeMutableBufferPointer { words in
                unsafe blocks.withUnsafeBytes { blocks in
                    guard let state = words.baseAddress, let start = blocks.baseAddress else { return }
                    unsafe sha256_absorb_with_extensions(state, start, UInt(blocks.count / 64))
                }
            }
        }

        func absorb(
            _ first: RawSpan, into firstState: inout SHA256.State, _ second: RawSpan,
            into secondState: inout SHA256.State
        ) {
            guard usesExtensions else {
                return VectorSHA256().absorb(first, into: &firstState, second, into: &secondState)
            }
            // All four pointers are used during the call only, for as many bytes as both spans have.
            unsafe withUnsafeMutablePointer(to: &firstState) { firstState in
                unsafe withUnsafeMutablePointer(to: &secondState) { secondState in
                    unsafe first.withUnsafeBytes { first in
                        unsafe second.withUnsafeBytes { second in
                            guard let one = first.baseAddress, let other = second.baseAddress else { return }
                            unsafe sha256_absorb_two_with_extensions(
                                UnsafeMutableRawPointer(firstState).assumingMemoryBound(to: UInt32.self), one,
                                UnsafeMutableRawPointer(secondState).assumingMemoryBound(to: UInt32.self), other,
                                UInt(min(first.count, second.count) / 64))
                        }
                    }
                }
            }
        }
    }
#else
    /// SHA-256 as fast as this build computes it.
    typealias HostSHA256 = VectorSHA256
#endif
