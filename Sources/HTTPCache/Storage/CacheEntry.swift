//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// A stored response: immutable, shared by everybody who is being answered with it.
public final class CacheEntry: Sendable {
  // There may be millions of entries: what nearly all have is kept in few words, and what few have in `optionalParts`. What a hit
  // looks at comes first, in as few cache lines as it takes.

  let authority: String
  let target: String
  let packed: KeyTraitsAndLength
  let shortStatus: Int16
  /// What it demands and allows.
  public let traits: EntryTraits
  private let bodyMemory: BodyMemory
  /// The address of the `OptionalEntryParts`, retained; zero while there are none. Never changes once it is set.
  private let optionalPartsAddress: Atomic<UInt>
  /// The stored header section (RFC 9111 §3.1): without the fields that belong to a connection.
  public let fields: HeaderFields
  let digest: KeyDigest
  private let compactTimes: CompactTimes
  let costInMicroseconds: UInt32

  /// What is left of `Bytes` when the number of bytes is elsewhere.
  private struct BodyMemory: @unchecked Sendable {
    // @unchecked: as `Bytes`, whose owner and memory these are.
    let owner: AnyObject?
    let base: UnsafeRawPointer
  }

  /// The status code.
  public var status: Int { Int(shortStatus) }

  /// The content.
  public var body: Bytes {
    @inline(__always) get {
      Bytes(sharing: bodyMemory.owner, base: bodyMemory.base, count: bodyCount)
    }
  }

  /// The length of the content.
  @inline(__always)
  var bodyCount: Int { packed.bodyCount ?? exactBodyCount }

  @inline(never)
  private var exactBodyCount: Int { optionalParts?.exact?.bodyCount ?? 0 }

  /// The stored trailer section.
  public var trailers: HeaderFields? { optionalParts?.trailers }

  /// The moments that decide about it.
  public var times: EntryTimes { compactTimes.times ?? extremeTimes }

  /// `times.reclaimAt`, which a store asks for.
  var reclaimAt: CacheInstant { compactTimes.reclaimMoment ?? extremeTimes.reclaimAt }

  @inline(never)
  private var extremeTimes: EntryTimes {
    guard let exact = optionalParts?.exact else { preconditionFailure("an entry's times are neither here nor there") }
    return exact.times
  }

  /// How long the origin took to make it, to the microsecond, and 71 minutes at most.
  public var cost: Duration { .microseconds(Int64(costInMicroseconds)) }

  /// What it can be invalidated by, beside its key.
  public var tags: CacheTags? { optionalParts?.tags }

  /// Set when this is no response but says which fields select among the variants of its URL.
  public var variantIndex: VariantIndex? { optionalParts?.variantIndex }

  /// - Parameters: see the properties of the same names.
  public convenience init(
    key: CacheKey, status: Int, fields: HeaderFields, body: Bytes, trailers: HeaderFields? = nil, times: EntryTimes,
    traits: EntryTraits = [], cost: Duration = .zero, tags: CacheTags? = nil
  ) {
    self.init(
      key: key, shortStatus: Int16(clamping: status), fields: fields, body: body, trailers: trailers, times: times,
      traits: traits, costInMicroseconds: UInt32(clamping: cost.clampedNanoseconds / 1000), tags: tags)
  }

  /// An entry that says which fields select among the variants of `key`.
  public convenience init(key: CacheKey, variantIndex: VariantIndex, times: EntryTimes) {
    self.init(
      key: key, shortStatus: 0, fields: HeaderFields(), body: Bytes(), trailers: nil, times: times,
      traits: .variantIndex, costInMicroseconds: 0, tags: nil, variantIndex: variantIndex)
  }

  /// An entry from its parts as they are kept.
  init(
    key: CacheKey, shortStatus: Int16, fields: HeaderFields, body: Bytes, trailers: HeaderFields?, times: EntryTimes,
    traits: EntryTraits, costInMicroseconds: UInt32, tags: CacheTags?, variantIndex: VariantIndex? = nil
  ) {
    digest = key.digest
    authority = key.authority
    target = key.target
    let packed = KeyTraitsAndLength(
      scheme: key.scheme, hasUncommonParts: key.uncommonParts != nil, bodyCount: body.count)
    self.packed = packed
    self.shortStatus = shortStatus
    // Heads are built with room for more, which as an entry they do not need.
    self.fields = fields.compact
    bodyMemory = BodyMemory(owner: body.owner, base: body.base)
    self.traits = traits
    self.costInMicroseconds = costInMicroseconds
    let compactTimes = CompactTimes(times)
    self.compactTimes = compactTimes ?? .elsewhere
    let isExtreme = compactTimes == nil || packed.bodyCount == nil
    if isExtreme || trailers != nil || tags != nil || variantIndex != nil || packed.hasUncommonParts {
      let optionalParts = OptionalEntryParts(
        // Filtered here, where every entry comes by: a store may give back what nobody has stored.
        trailers: trailers.map { TrailerFields.permitted($0).compact }, tags: tags, variantIndex: variantIndex,
        uncommonParts: key.uncommonParts,
        exact: isExtreme ? ExactEntryValues(times: times, bodyCount: body.count) : nil)
      optionalPartsAddress = Atomic(UInt(bitPattern: Unmanaged.passRetained(optionalParts).toOpaque()))
    } else {
      optionalPartsAddress = Atomic(0)
    }
  }

  deinit {
    Self.optionalParts(at: optionalPartsAddress.load(ordering: .acquiring))?.release()
  }

  /// The same response with other times.
  public func with(times: EntryTimes) -> CacheEntry {
    let optionalParts = optionalParts
    let copy = CacheEntry(
      key: key, shortStatus: shortStatus, fields: fields, body: body, trailers: optionalParts?.trailers, times: times,
      traits: traits, costInMicroseconds: costInMicroseconds, tags: optionalParts?.tags,
      variantIndex: optionalParts?.variantIndex)
    copy.copyTierMark(from: self)
    return copy
  }

  /// The same entry with a body that keeps no memory but its own alive.
  @inline(never)
  func withCompactBody() -> CacheEntry {
    let optionalParts = optionalParts
    let copy = CacheEntry(
      key: key, shortStatus: shortStatus, fields: fields, body: body.compact, trailers: optionalParts?.trailers,
      times: times,
      traits: traits, costInMicroseconds: costInMicroseconds, tags: optionalParts?.tags,
      variantIndex: optionalParts?.variantIndex)
    copy.copyTierMark(from: self)
    return copy
  }

  private func copyTierMark(from other: CacheEntry) {
    if let word = other.optionalParts?.tierMarkWord.load(ordering: .relaxed), word != 0 { setTierMark(word) }
  }

  // MARK: What few have

  /// Whether there are `optionalParts`: most have none, and need not be asked what is in them.
  @inline(__always)
  var hasOptionalParts: Bool { optionalPartsAddress.load(ordering: .relaxed) != 0 }

  var optionalParts: OptionalEntryParts? {
    Self.optionalParts(at: optionalPartsAddress.load(ordering: .acquiring))?.takeUnretainedValue()
  }

  /// The optionalParts, made if there are none: for what is noted with an entry after it has been made.
  func makeOptionalParts() -> OptionalEntryParts {
    if let optionalParts { return optionalParts }
    let made = Unmanaged.passRetained(OptionalEntryParts())
    let (exchanged, other) = optionalPartsAddress.compareExchange(
      expected: 0, desired: UInt(bitPattern: made.toOpaque()), ordering: .acquiringAndReleasing)
    if exchanged { return made.takeUnretainedValue() }
    made.release()
    guard let optionalParts = Self.optionalParts(at: other) else {
      preconditionFailure("an exchange has failed for no reason")
    }
    return optionalParts.takeUnretainedValue()
  }

  @inline(__always)
  private static func optionalParts(at address: UInt) -> Unmanaged<OptionalEntryParts>? {
    UnsafeRawPointer(bitPattern: address).map { Unmanaged.fromOpaque($0) }
  }

  /// Who may refresh the entry, and when.
  var refreshGate: EntryGate { EntryGate(entry: self) }

  /// When the entry, as a copy in the near tier, was last known to agree with the far one; nil if it is none.
  var tierMark: TierMark? { optionalParts.flatMap { TierMark($0.tierMarkWord.load(ordering: .relaxed)) } }
  func setTierMark(_ word: UInt64) { makeOptionalParts().tierMarkWord.store(word, ordering: .relaxed) }
}
