//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The key, which an entry keeps in parts: a hit looks at these.
extension CacheEntry {
  /// What it is stored under.
  public var key: CacheKey {
    CacheKey(
      digest: digest, scheme: packed.scheme, authority: authority, target: target,
      rarity: packed.isRare ? extras?.rarity : nil)
  }

  /// Whether it is stored under `key`.
  @inline(__always)
  func isStored(under key: CacheKey) -> Bool {
    packed.isKey(of: key.scheme, isRare: key.rarity != nil) && CacheKey.isSame(target, key.target)
      && CacheKey.isSame(authority, key.authority) && (key.rarity == nil || hasRarity(key.rarity))
  }

  /// Whether it is stored under the key of `other`.
  func isStored(underKeyOf other: CacheEntry) -> Bool {
    packed.hasSameKey(as: other.packed) && CacheKey.isSame(target, other.target)
      && CacheKey.isSame(authority, other.authority)
      && (!packed.isRare || CacheKey.isSame(extras?.rarity, other.extras?.rarity))
  }

  @inline(never)
  private func hasRarity(_ rarity: CacheKey.Rarity?) -> Bool { CacheKey.isSame(extras?.rarity, rarity) }

  /// Whether it is stored under the key that these parts would make, of one of the usual schemes: for a lookup that makes
  /// none.
  @inline(__always)
  func isResource(scheme: CacheKey.Scheme, authority: String, target: String) -> Bool {
    guard packed.isKey(of: scheme, isRare: false) else { return false }
    if CacheKey.areSameWords(self.target, target), CacheKey.areSameWords(self.authority, authority) { return true }
    return hasSameOctets(authority: authority, target: target)
  }

  /// Whether the entry is a variant that `list` lists, with these parts of the key.
  @inline(__always)
  func isVariant(with rarity: Unmanaged<CacheKey.Rarity>, listedBy list: CacheEntry) -> Bool {
    guard packed.isKey(of: list.packed.scheme, isRare: true), let own = extras?.rarity,
      CacheKey.isSame(target, list.target), CacheKey.isSame(authority, list.authority)
    else { return false }
    return Unmanaged.passUnretained(own).toOpaque() == rarity.toOpaque()
      || rarity._withUnsafeGuaranteedRef { CacheKey.isSame(own, $0) }
  }

  @inline(never)
  private func hasSameOctets(authority: String, target: String) -> Bool {
    CacheKey.isSameMemory(self.target, target)
      && (CacheKey.areSameWords(self.authority, authority) || CacheKey.isSameMemory(self.authority, authority))
  }
}
