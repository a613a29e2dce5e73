//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension SipHash128 {
  /// The key that a secret stands for; of an empty one a random key.
  static func key(from secret: String) -> (UInt64, UInt64) {
    guard !secret.isEmpty else { return (.random(in: .min ... .max), .random(in: .min ... .max)) }
    return digest(of: secret, key: (0x6874_7470_2D63_6163, 0x6865_2D6C_6F67_7321))
  }

  static func digest(of text: String, key: (UInt64, UInt64)) -> (UInt64, UInt64) {
    var text = text
    return text.withUTF8 { bytes in
      let (first, second) = digest(UnsafeRawBufferPointer(bytes), key: key)
      return (first, second)
    }
  }

  /// The digest of a text in 32 hexadecimal digits.
  static func hex(of text: String, key: (UInt64, UInt64)) -> String {
    let (first, second) = digest(of: text, key: key)
    return hex(first) + hex(second)
  }

  /// A word in 16 hexadecimal digits.
  static func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
