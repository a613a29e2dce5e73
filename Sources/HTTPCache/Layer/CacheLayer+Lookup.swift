//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// What is stored for a request.
  enum Lookup: Sendable {
    /// This.
    case found(CacheEntry)
    /// Other variants only (or none yet of a resource that is known to vary).
    case otherVariant(VariantIndex)
    /// Nothing.
    case absent
    /// Finding out means waiting.
    case unknown
  }

  /// Looks without waiting.
  @inline(__always)
  nonisolated func peek(_ key: CacheKey, for request: CacheRequest, at now: CacheInstant) -> Lookup {
    selected(peek(key, at: now), for: request, at: now)
  }

  /// Looks up `key` itself, without waiting.
  @inline(__always)
  nonisolated func peek(_ key: CacheKey, at now: CacheInstant) -> Lookup {
    switch backend.peek(key, at: now) {
    case .found(let entry): .found(entry)
    case .absent: .absent
    case .unknown: .unknown
    }
  }

  /// The variant that `request` selects, where what is stored under the primary key is the index of variants.
  @inline(__always)
  nonisolated func selected(_ primary: Lookup, for request: CacheRequest, at now: CacheInstant) -> Lookup {
    guard case .found(let entry) = primary, let index = entry.variantIndex else { return primary }
    return variant(index, listedBy: entry, for: request, at: now)
  }

  private nonisolated func variant(
    _ index: VariantIndex, listedBy list: CacheEntry, for request: CacheRequest, at now: CacheInstant
  ) -> Lookup {
    for (position, selection) in index.selections.enumerated() {
      let lookup = peek(index.key(of: selection, primary: list.key, fields: request.fields), at: now)
      if case .absent = lookup { continue }
      if position == 0, case .found(let entry) = lookup {
        memory?.remember(entry, listedBy: list, for: request.fields)
      }
      return lookup
    }
    return .otherVariant(index)
  }

  /// Looks, and waits for the backend if need be. A backend that fails is one that has nothing.
  ///
  /// - Returns: What is stored, and the number of the store's last invalidation before the handler is asked; nil when the
  ///   store could not say. What cannot be compared with invalidations is not stored.
  nonisolated func lookup(
    _ key: CacheKey, for request: CacheRequest, at now: CacheInstant
  ) async -> (Lookup, InvalidationStamp?) {
    let peeked = peek(key, for: request, at: now)
    var isKnown = true
    if case .unknown = peeked { isKnown = false }
    if isKnown, let stamp = backend.stampNow { return (peeked, stamp) }
    do {
      if case .found(let entry) = peeked {
        // What is at hand will not do as it is. A store that is asked for its stamp may know of something newer, or that
        // there is nothing any more.
        let found = try await backend.lookup(entry.key)
        guard let current = found.entry else { return (.absent, found.stamp) }
        if let index = current.variantIndex { return (.otherVariant(index), found.stamp) }
        return (current.isSame(as: entry) ? peeked : .found(current), found.stamp)
      }
      if isKnown { return (peeked, try await backend.lookup(key).stamp) }
      // The variant that was probably meant is looked up in the same go. Whether it is that, the list says that comes with it.
      let expected = knownVariants.variant(of: key, for: request.fields)
      let all =
        if let expected { try await backend.lookup(all: [key, expected]) } else { [try await backend.lookup(key)] }
      guard let found = all.first else { return (.absent, nil) }
      let index = found.entry?.variantIndex
      if index != nil || expected != nil {
        knownVariants.note(index, weight: found.entry?.weight ?? 0, for: key)
      }
      guard let entry = found.entry else { return (.absent, found.stamp) }
      guard let index else { return (.found(entry), found.stamp) }
      for selection in index.selections {
        let variant = index.key(of: selection, primary: key, fields: request.fields)
        let stored = variant == expected && all.count == 2 ? all[1].entry : try await backend.lookup(variant).entry
        if let stored { return (.found(stored), found.stamp) }
      }
      return (.otherVariant(index), found.stamp)
    } catch {
      report(.backendFailed, key: key, error: error)
      return (isKnown ? peeked : .absent, nil)
    }
  }

  /// The entry under `key`; nil when there is none, or the store cannot say.
  nonisolated func storedEntry(_ key: CacheKey) async -> CacheEntry? {
    switch backend.peek(key, at: clock.now) {
    case .found(let entry): entry
    case .absent: nil
    case .unknown: try? await backend.lookup(key).entry
    }
  }

  /// The index of the variants of `key`; nil when there is none.
  nonisolated func variantIndex(of key: CacheKey) async -> VariantIndex? { await storedEntry(key)?.variantIndex }
}
