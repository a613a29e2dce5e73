//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// What is stored under a URL whose responses vary: which header fields have selected among them (RFC 9111 §4.1).
///
/// The variants themselves are stored under keys made from the URL's key, the nonce, and the selecting values. The nonce
/// is new with every index: removing the index makes all variants unreachable at once, also those that nobody can list.
public final class VariantIndex: Sendable {
  /// Part of the variants' keys.
  let nonce: String
  /// The lists of selecting fields that responses have named, the latest first.
  let selections: [VarySelection]

  /// How many different lists are kept: a URL whose every response names another list is not worth remembering.
  static let maximumSelectionCount = 8

  /// The variants of the latest selection that requests have been answered with of late, in the shard that has claimed the
  /// index; none in any other.
  private let recentAddress = Atomic<UInt>(0)
  /// The shard that keeps what is recent here, by its address; zero while there is none.
  private let claimant = Atomic<UInt>(0)

  init(nonce: String, selections: [VarySelection]) {
    self.nonce = nonce
    self.selections = selections
  }

  deinit {
    RecentVariants(at: recentAddress.load(ordering: .acquiring))?.deallocate()
  }

  /// An index of one list, with a nonce of its own.
  convenience init(_ selection: VarySelection) {
    self.init(nonce: String(UInt64.random(in: .min ... .max), radix: 36), selections: [selection])
  }

  /// This index with `selection` as the latest.
  func adding(_ selection: VarySelection) -> VariantIndex {
    guard selections.first != selection else { return self }
    let others = selections.filter { $0 != selection }.prefix(Self.maximumSelectionCount - 1)
    return VariantIndex(nonce: nonce, selections: [selection] + others)
  }

  /// The variants of late, for who holds the lock of this shard; nil when there are none.
  @inline(__always)
  func recent(in shard: UnsafeMutablePointer<ShardState>) -> RecentVariants? {
    claimant.load(ordering: .relaxed) == UInt(bitPattern: shard)
      ? RecentVariants(at: recentAddress.load(ordering: .relaxed)) : nil
  }

  /// The same, made if there are none; nil when another shard has claimed the index.
  func makeRecent(in shard: UnsafeMutablePointer<ShardState>) -> RecentVariants? {
    let address = UInt(bitPattern: shard)
    let (isFirst, other) = claimant.compareExchange(expected: 0, desired: address, ordering: .relaxed)
    guard isFirst || other == address else { return nil }
    if let recent = recent(in: shard) { return recent }
    let recent = RecentVariants()
    recentAddress.store(recent.address, ordering: .releasing)
    return recent
  }

  /// The memory that the index takes, in bytes.
  var byteCount: Int {
    selections.reduce(
      HeapBlock.byteCount(ofObjectWith: (String, [VarySelection], UInt, UInt).self) + HeapBlock.byteCount(of: nonce)
        + HeapBlock.byteCount(ofArrayOf: VarySelection.self, capacity: selections.capacity)
    ) { sum, selection in
      sum + HeapBlock.byteCount(ofArrayOf: HeaderName.self, capacity: selection.names.capacity)
        + selection.names.reduce(0) { sum, name in
          sum + HeapBlock.byteCount(of: name.spelling) + HeapBlock.byteCount(of: name.canonical)
        }
    }
  }

  /// The key of the variant that `selection` selects for a request with `fields`.
  func key(of selection: VarySelection, primary: CacheKey, fields: HeaderFields) -> CacheKey {
    primary.variant("\(nonce)\u{0}\(selection.serialized)\u{0}\(RFC9111.selection(selection, in: fields))")
  }
}
