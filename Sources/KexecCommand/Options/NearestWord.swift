// SPDX-License-Identifier: MIT

/// The word that `word` was most likely meant to be: at most a third of its letters wrong, left out, too many or
/// exchanged with a neighbour; nil where no word is that close. The first of several equally close ones wins.
func nearestWord(to word: ArraySlice<UInt8>, among words: [String]) -> String? {
    let found = [UInt8](word)
    // No name is near that long: do not compare a megabyte of argument with every option.
    guard found.count >= 2, found.count <= 40 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in words {
        let distance = editDistance(found, [UInt8](candidate.utf8))
        if distance <= max(1, found.count / 3), distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
}

/// How many bytes must be inserted, removed, replaced or exchanged with their neighbour to turn one into the other
/// (optimal string alignment).
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            let replaced = previous[column] + (left[row] == right[column] ? 0 : 1)
            var cost = min(replaced, previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                cost = min(cost, beforePrevious[column - 1] + 1)
            }
            current.append(cost)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[right.count]
}
