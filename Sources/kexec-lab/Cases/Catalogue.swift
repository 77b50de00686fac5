// SPDX-License-Identifier: MIT

/// Every case, in the order in which they are run.
enum Catalogue {
    static let all: [Case] = MatrixCases.all + ImageCases.all + MachineCases.all
}
