// SPDX-License-Identifier: MIT

/// The x86_64 purgatory: a flat image whose parameters the loader fills in.
public func purgatoryImage() -> [UInt8] { [] }
