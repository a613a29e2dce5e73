//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How long an entry's body is, and which kind of key it is stored under, in one word.
struct KeyTraitsAndLength {
  /// From its low end: the scheme's number (2 bits), whether the key has parts that few keys have (1), and the body's length
  /// (29).
  private let word: UInt32

  /// Stands for all lengths from here on.
  private static let longBody: UInt32 = 1 << 29 - 1

  @inline(__always)
  init(scheme: CacheKey.Scheme, hasUncommonParts: Bool, bodyCount: Int) {
    word = Self.key(scheme, hasUncommonParts) | UInt32(min(bodyCount, Int(Self.longBody))) << 3
  }

  @inline(__always)
  private static func key(_ scheme: CacheKey.Scheme, _ hasUncommonParts: Bool) -> UInt32 {
    UInt32(scheme.rawValue) | (hasUncommonParts ? 4 : 0)
  }

  var scheme: CacheKey.Scheme { CacheKey.Scheme(rawValue: UInt8(word & 3)).unsafelyUnwrapped }
  var hasUncommonParts: Bool { word & 4 != 0 }

  @inline(__always)
  func isKey(of scheme: CacheKey.Scheme, hasUncommonParts: Bool) -> Bool {
    word & 7 == Self.key(scheme, hasUncommonParts)
  }

  @inline(__always)
  func hasSameKey(as other: KeyTraitsAndLength) -> Bool { (word ^ other.word) & 7 == 0 }

  /// The length of the body; nil when it is 512 MiB or more.
  @inline(__always)
  var bodyCount: Int? { word >> 3 == Self.longBody ? nil : Int(word >> 3) }
}
