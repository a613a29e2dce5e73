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
      uncommonParts: packed.hasUncommonParts ? optionalParts?.uncommonParts : nil)
  }

  /// Whether it is stored under `key`.
  @inline(__always)
  func isStored(under key: CacheKey) -> Bool {
    packed.isKey(of: key.scheme, hasUncommonParts: key.uncommonParts != nil) && CacheKey.isSame(target, key.target)
      && CacheKey.isSame(authority, key.authority) && (key.uncommonParts == nil || isUncommon(key.uncommonParts))
  }

  /// Whether it is stored under the key of `other`.
  func isStored(underKeyOf other: CacheEntry) -> Bool {
    packed.hasSameKey(as: other.packed) && CacheKey.isSame(target, other.target)
      && CacheKey.isSame(authority, other.authority)
      && (!packed.hasUncommonParts || CacheKey.isSame(optionalParts?.uncommonParts, other.optionalParts?.uncommonParts))
  }

  @inline(never)
  private func isUncommon(_ uncommonParts: CacheKey.UncommonParts?) -> Bool {
    CacheKey.isSame(optionalParts?.uncommonParts, uncommonParts)
  }

  /// Whether it is stored under the key that these parts would make, of one of the usual schemes: for a lookup that makes
  /// none.
  @inline(__always)
  func isResource(scheme: CacheKey.Scheme, authority: String, target: String) -> Bool {
    guard packed.isKey(of: scheme, hasUncommonParts: false) else { return false }
    if CacheKey.areSameWords(self.target, target), CacheKey.areSameWords(self.authority, authority) { return true }
    return hasSameOctets(authority: authority, target: target)
  }

  /// Whether the entry is a variant that `list` lists, with these parts of the key.
  @inline(__always)
  func isVariant(with parts: Unmanaged<CacheKey.UncommonParts>, listedBy list: CacheEntry) -> Bool {
    guard packed.isKey(of: list.packed.scheme, hasUncommonParts: true), let own = optionalParts?.uncommonParts,
      CacheKey.isSame(target, list.target), CacheKey.isSame(authority, list.authority)
    else { return false }
    return Unmanaged.passUnretained(own).toOpaque() == parts.toOpaque()
      || parts._withUnsafeGuaranteedRef { CacheKey.isSame(own, $0) }
  }

  @inline(never)
  private func hasSameOctets(authority: String, target: String) -> Bool {
    CacheKey.isSameMemory(self.target, target)
      && (CacheKey.areSameWords(self.authority, authority) || CacheKey.isSameMemory(self.authority, authority))
  }
}
