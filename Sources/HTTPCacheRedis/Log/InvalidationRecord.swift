//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// One record of the log of invalidations that all users of a server share.
///
/// A record of the stream has one field `r`, whose value is of bytes:
///
/// | bytes | content |
/// |---|---|
/// | 8 | the identity of the log, a random number that it was begun with |
/// | 8 | the position of the record: one more than that of the record before it |
/// | 1 | the version, `1` |
/// | 1 | the kind: `o` the log begins, `k` a key, `a` any of the tags, `l` all of the tags, `c` tags that the next record continues, `p` a path prefix, `e` everything |
/// | 1 | `h` for hard, `s` for soft |
/// | 16 each | the digests of the subjects; before that of a path its length in 4 bytes |
///
/// Numbers are big-endian. Digests, because a record takes the same memory then whatever the length of a URL, in the server, on
/// the wire and in every process. Records of another kind or version mean "everything, hard", whatever their authors meant.
struct InvalidationRecord: Equatable, Sendable {
  /// The meaning of a record.
  enum Content: Sendable {
    /// The log begins here, or goes on after records that are lost: nothing older can be trusted.
    case beginning
    /// Some of the tags of which an entry must have all. The next record has the others.
    case part([InvalidationSubject])
    /// The last or only record of an invalidation by all of several tags.
    case allTags([InvalidationSubject], CacheInvalidation.Mode)
    case target(InvalidationTarget, CacheInvalidation.Mode)
  }

  /// How many digests a record has at most. Every answer of the server repeats the last record that the asker knows.
  static let subjectLimit = 8
  /// How many tags one invalidation may name. One with more invalidates everything.
  static let tagLimit = 8192
  private static let headerSize = 19

  let id: StreamID
  /// The value of the field; empty when the record has none.
  let value: Bytes

  /// The identity of the log that the record was written to; nil when the record does not say.
  var log: UInt64? { value.count >= Self.headerSize ? word(at: 0) : nil }
  /// The position of the record in its log.
  var position: UInt64 { value.count >= Self.headerSize ? word(at: 8) : 0 }

  private func word(at offset: Int) -> UInt64 {
    value.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }

  /// The meaning of the record.
  var content: Content {
    let everything = Content.target(.everything, .hard)
    guard value.count >= Self.headerSize, value[16] == UInt8(ascii: "1") else { return everything }
    let mode: CacheInvalidation.Mode
    switch value[18] {
    case UInt8(ascii: "h"): mode = .hard
    case UInt8(ascii: "s"): mode = .soft
    default: return everything
    }
    let rest = value.count - Self.headerSize
    switch value[17] {
    case UInt8(ascii: "o"): return .beginning
    case UInt8(ascii: "e") where rest == 0: return .target(.everything, mode)
    case UInt8(ascii: "k") where rest == 16: return .target(.key(subject(at: Self.headerSize)), mode)
    case UInt8(ascii: "p") where rest == 20:
      let byteCount = Int(word(at: Self.headerSize) >> 32)
      return .target(.pathPrefix(byteCount: byteCount, subject(at: Self.headerSize + 4)), mode)
    case let kind where rest > 0 && rest % 16 == 0 && rest / 16 <= Self.subjectLimit:
      let subjects = stride(from: Self.headerSize, to: value.count, by: 16).map { subject(at: $0) }
      switch kind {
      case UInt8(ascii: "a"): return .target(.anyTag(subjects), mode)
      case UInt8(ascii: "l"): return .allTags(subjects, mode)
      case UInt8(ascii: "c"): return .part(subjects)
      default: return everything
      }
    default: return everything
    }
  }

  private func subject(at offset: Int) -> InvalidationSubject {
    InvalidationSubject(first: word(at: offset), second: word(at: offset + 8))
  }

  // MARK: Writing

  /// The bytes behind identity and position in the records of an invalidation. None when nothing at all is concerned.
  ///
  /// - Throws: ``CacheError/Code/unsupported`` for a predicate, which cannot be sent to others.
  static func payloads(of invalidation: CacheInvalidation) throws(CacheError) -> [Bytes] {
    let mode = invalidation.mode
    if invalidation.tags.count > tagLimit { return [payload("e", .hard)] }
    switch InvalidationTarget(invalidation.target) {
    case .key(let key): return [payload("k", mode, [key])]
    case .anyTag(let tags): return chunks(of: tags).map { payload("a", mode, $0) }
    case .allTags(let tags):
      let parts = chunks(of: tags)
      return parts.indices.map { payload($0 == parts.count - 1 ? "l" : "c", mode, parts[$0]) }
    case .pathPrefix(let byteCount, let path):
      // No path is as long as that.
      guard let length = UInt32(exactly: byteCount) else { return [payload("e", mode)] }
      return [payload("p", mode, length: length, [path])]
    case .everything: return [payload("e", mode)]
    case .matching:
      throw CacheError(
        .unsupported, "a predicate cannot be sent to a server; invalidate by key, tags or path prefix instead")
    }
  }

  private static func chunks(of subjects: [InvalidationSubject]) -> [[InvalidationSubject]] {
    stride(from: 0, to: subjects.count, by: subjectLimit).map {
      Array(subjects[$0..<min($0 + subjectLimit, subjects.count)])
    }
  }

  private static func payload(
    _ kind: Unicode.Scalar, _ mode: CacheInvalidation.Mode, length: UInt32? = nil,
    _ subjects: [InvalidationSubject] = []
  ) -> Bytes {
    var bytes = [UInt8(ascii: "1"), UInt8(ascii: kind), UInt8(ascii: mode == .hard ? "h" : "s")]
    if let length { withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) } }
    for subject in subjects {
      withUnsafeBytes(of: (subject.first.bigEndian, subject.second.bigEndian)) { bytes.append(contentsOf: $0) }
    }
    return Bytes(bytes)
  }
}
