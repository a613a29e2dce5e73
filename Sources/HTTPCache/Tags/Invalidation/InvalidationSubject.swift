//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A key, a tag or a path by its digest: 16 bytes however long the text is, the same in every process.
///
/// Two texts with the same digest would be invalidated together, which costs a lookup and nothing else. So nothing depends on
/// nobody being able to find such texts.
package struct InvalidationSubject: Hashable, Sendable {
  private enum Kind: UInt64 {
    case key = 1
    case tag, path, list
  }

  /// The first half of the digest.
  package let first: UInt64
  /// The second half.
  package let second: UInt64

  /// A subject from the halves of its digest.
  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  private init(_ kind: Kind, _ bytes: UnsafeRawBufferPointer) {
    // The first 128 bits of the fraction of pi, different for each kind.
    let key = (0x243F_6A88_85A3_08D3 ^ kind.rawValue, 0x1319_8A2E_0370_7344 as UInt64)
    (first, second) = SipHash128.digest(bytes, key: key)
  }

  private init(_ kind: Kind, _ text: String) {
    var text = text
    self = text.withUTF8 { Self(kind, UnsafeRawBufferPointer($0)) }
  }

  /// The subject of a key.
  package static func key(_ key: CacheKey) -> Self { Self(.key, key.text) }

  /// The subject of the key with this text.
  package static func key(text: String) -> Self { Self(.key, text) }

  /// The subject of a tag.
  package static func tag(_ tag: String) -> Self { Self(.tag, tag) }

  /// The subject of the first bytes of a path; nil when the path is shorter.
  package static func path(_ path: String, byteCount: Int) -> Self? {
    var path = path
    return path.withUTF8 { bytes in
      guard byteCount >= 0, byteCount <= bytes.count else { return nil }
      return Self(.path, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<byteCount]))
    }
  }

  /// The subject of a list of others, whatever their order.
  package static func list(_ subjects: [Self], number: UInt64) -> Self {
    var words = [number]
    for subject in subjects.sorted(by: { ($0.first, $0.second) < ($1.first, $1.second) }) {
      words.append(subject.first)
      words.append(subject.second)
    }
    return words.withUnsafeBytes { Self(.list, $0) }
  }
}
