//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

/// The ways to cut an input for a parser.
enum Cutting: CaseIterable, CustomTestStringConvertible {
  case whole, byteByByte, randomly

  var testDescription: String { "\(self)" }

  /// The lengths of the pieces, for one or more runs.
  func cuts(_ count: Int) -> [[Int]] {
    switch self {
    case .whole: return [[count]]
    case .byteByByte: return [Array(repeating: 1, count: count)]
    case .randomly:
      var generator = SplitMix64(seed: UInt64(count) &* 31 &+ 7)
      return (0..<20).map { _ in
        var pieces: [Int] = []
        var left = count
        while left > 0 {
          let piece = min(left, Int.random(in: 1...max(1, count / 4 + 1), using: &generator))
          pieces.append(piece)
          left -= piece
        }
        return pieces
      }
    }
  }
}
