// SPDX-License-Identifier: MIT
// What the Embedded standard library asks of the C library and musl does not have.
#if hasFeature(Embedded)
    internal import CLinux

    /// Fills `count` bytes with random numbers: the seed of Dictionary's and Set's hashing, good for nothing else.
    @c(arc4random_buf)
    func fillWithRandomBytes(_ bytes: UnsafeMutableRawPointer?, _ count: Int) {
        // GRND_INSECURE never waits: hashing needs no entropy, and a kexec early in the boot must not hang for it.
        // Kernels before 5.6 refuse the flag; the buffer then keeps what it held, and any seed will do.
        _ = unsafe getrandom(bytes, count, UInt32(GRND_INSECURE))
    }
#endif
