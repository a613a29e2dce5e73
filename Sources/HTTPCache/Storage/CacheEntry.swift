//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// A stored response: immutable, shared by everybody who is being answered with it.
public final class CacheEntry: Sendable {
  // What a hit looks at comes first, in as few cache lines as it takes.

  // Small fields side by side: there may be millions of entries.
  let shortStatus: Int16
  let costInMicroseconds: UInt32
  /// What it is stored under.
  public let key: CacheKey
  /// The content.
  public let body: Bytes
  /// The stored trailer section.
  public let trailers: HeaderFields?
  /// The status code.
  public var status: Int { Int(shortStatus) }
  /// The stored header section (RFC 9111 §3.1): without the fields that belong to a connection.
  public let fields: HeaderFields
  /// The moments that decide about it.
  public let times: EntryTimes
  /// What it demands and allows.
  public let traits: EntryTraits
  /// How long the origin took to make it, to the microsecond, and 71 minutes at most.
  public var cost: Duration { .microseconds(Int64(costInMicroseconds)) }

  /// What it can be invalidated by, beside its key.
  public let tags: CacheTags?

  /// Set when this is no response but says which fields select among the variants of its URL.
  public let variantIndex: VariantIndex?

  /// Who may refresh the entry, and when.
  let refreshGate = RefreshGate()
  /// See ``TierMark``.
  private let tierMarkWord = Atomic<UInt64>(0)
  /// When the entry, as a copy in the near tier, was last known to agree with the far one; nil if it is none.
  var tierMark: TierMark? { TierMark(tierMarkWord.load(ordering: .relaxed)) }
  func setTierMark(_ word: UInt64) { tierMarkWord.store(word, ordering: .relaxed) }

  /// - Parameters: see the properties of the same names.
  public init(
    key: CacheKey, status: Int, fields: HeaderFields, body: Bytes, trailers: HeaderFields? = nil, times: EntryTimes,
    traits: EntryTraits = [], cost: Duration = .zero, tags: CacheTags? = nil
  ) {
    self.key = key
    self.shortStatus = Int16(clamping: status)
    self.fields = fields
    self.body = body
    self.trailers = trailers
    self.times = times
    self.traits = traits
    self.costInMicroseconds = UInt32(clamping: cost.clampedNanoseconds / 1000)
    self.tags = tags
    self.variantIndex = nil
  }

  /// An entry from what the wire format has of it.
  init(
    key: CacheKey, shortStatus: Int16, fields: HeaderFields, body: Bytes, trailers: HeaderFields?, times: EntryTimes,
    traits: EntryTraits, costInMicroseconds: UInt32, tags: CacheTags?
  ) {
    self.key = key
    self.shortStatus = shortStatus
    self.fields = fields
    self.body = body
    self.trailers = trailers
    self.times = times
    self.traits = traits
    self.costInMicroseconds = costInMicroseconds
    self.tags = tags
    self.variantIndex = nil
  }

  /// An entry that says which fields select among the variants of `key`.
  public init(key: CacheKey, variantIndex: VariantIndex, times: EntryTimes) {
    self.key = key
    self.shortStatus = 0
    self.fields = HeaderFields()
    self.body = Bytes()
    self.trailers = nil
    self.times = times
    self.traits = .variantIndex
    self.costInMicroseconds = 0
    self.tags = nil
    self.variantIndex = variantIndex
  }

  /// The same response with other times.
  public func with(times: EntryTimes) -> CacheEntry {
    let copy =
      variantIndex.map { CacheEntry(key: key, variantIndex: $0, times: times) }
      ?? CacheEntry(
        key: key, status: status, fields: fields, body: body, trailers: trailers, times: times, traits: traits,
        cost: cost, tags: tags)
    copy.setTierMark(tierMarkWord.load(ordering: .relaxed))
    return copy
  }

  /// What the entry counts for in a byte-bounded store: key, head, body, trailers, and about what it takes to keep them.
  public var weight: Int {
    key.byteCount + fields.serializedByteCount + body.count + (trailers?.serializedByteCount ?? 0)
      + (tags?.byteCount ?? 0) + Self.overhead
  }

  /// The bookkeeping of one entry, in bytes, beyond what `weight` counts exactly.
  static let overhead = 320

  /// What the object itself takes, in bytes, with the allocator's word and rounding: without the memory that the key, the
  /// head and the body refer to. (A test asks the allocator whether it is right.)
  static let allocationSize: Int = {
    /// An object's header of two words, and the stored properties, in their order.
    typealias Contents = (
      header: (Int, Int), CacheKey, HeaderFields, Bytes, HeaderFields?, EntryTimes, EntryTraits, Int16, UInt32,
      CacheTags?, VariantIndex?, Int64, UInt64
    )
    return (MemoryLayout<Contents>.size + MemoryLayout<Int>.size + 15) & ~15
  }()
}
