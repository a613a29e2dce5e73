//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The lists of variants that were last found in a store that has to be waited for.
///
/// A request for one of their URLs is looked up together with the variant that it selects by the remembered list. The list that
/// is found decides whether that variant may be used.
final class KnownVariants: Sendable {
  /// The number of URLs whose lists are remembered.
  static let limit = 4096
  /// The bytes of all remembered lists and their keys, as an entry counts them (``CacheEntry/weight``).
  static let byteLimit = 4 << 20

  private let indices = Locked(BoundedMap<CacheKey, VariantIndex>(maximumCount: limit, maximumWeight: byteLimit))

  /// The number of remembered lists.
  var count: Int { indices.withLock { $0.count } }

  /// The variant of `key` that the latest selecting fields select for a request, by the remembered list.
  func variant(of key: CacheKey, for fields: HeaderFields) -> CacheKey? {
    guard let index = indices.withLock({ $0[key] }), let selection = index.selections.first else { return nil }
    return index.key(of: selection, primary: key, fields: fields)
  }

  /// Notes the list that was found for `key`, in an entry of that weight; nil when there is none.
  func note(_ index: VariantIndex?, weight: Int = 0, for key: CacheKey) {
    indices.withLock { indices in
      if let index { _ = indices.append(index, for: key, weight: weight) } else { indices.remove(key) }
    }
  }
}
