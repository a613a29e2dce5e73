//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The response fields that carry tags.
///
/// | field | syntax |
/// |---|---|
/// | `Cache-Tag` | names, separated by commas |
/// | `Surrogate-Key` | names, separated by white space |
/// | `Cache-Groups` | a list of strings (RFC 9875 §2) |
enum TagFields {
  /// The names in `Cache-Tag` fields, in order, with repetitions.
  static func cacheTags(in fields: HeaderFields) -> [String] {
    names(of: .cacheTag, in: fields) { $0 == ASCII.comma }.map { name in
      // White space around a name is none of it; within, it is for the policy to object to.
      String(decoding: trimmed(name), as: UTF8.self)
    }.filter { !$0.isEmpty }
  }

  /// The names in `Surrogate-Key` fields, in order, with repetitions.
  static func surrogateKeys(in fields: HeaderFields) -> [String] {
    names(of: .surrogateKey, in: fields) { $0 <= 0x20 }.map { String(decoding: $0, as: UTF8.self) }
  }

  private static func names(
    of known: KnownHeader, in fields: HeaderFields, separatedBy isSeparator: (UInt8) -> Bool
  ) -> [ArraySlice<UInt8>] {
    var names: [ArraySlice<UInt8>] = []
    fields.forEachValue(of: known) { value in
      names += value.withUnsafeBufferPointer { Array($0) }.split(whereSeparator: isSeparator)
    }
    return names
  }

  private static func trimmed(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = name.drop { $0 <= 0x20 }
    return start.prefix((start.lastIndex { $0 > 0x20 } ?? start.startIndex - 1) - start.startIndex + 1)
  }
}
