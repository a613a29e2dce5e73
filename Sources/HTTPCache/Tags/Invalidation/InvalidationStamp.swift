//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A moment in the order of a store's invalidations.
///
/// A store numbers its invalidations, and an entry carries the number that was the last before its response was asked for.
/// Whatever has been invalidated since has a higher number, whether the response was stored, on its way or not even
/// computed at that time: so an invalidation is never lost to a response that overtakes it, and costs the same however
/// many entries it concerns. The numbers are counted, not read from a clock, so that no two machines can disagree.
public struct InvalidationStamp: Hashable, Sendable {
  private enum Kind: Hashable, Sendable {
    case number(UInt64)
    /// One of several stores could not be asked.
    case unknown
    indirect case tiers(InvalidationStamp, InvalidationStamp)
  }

  private let kind: Kind

  /// The number of a store's last invalidation.
  public init(_ number: UInt64) { kind = .number(number) }

  /// The stamps of two stores, one behind the other, that count for themselves.
  public init(near: InvalidationStamp, far: InvalidationStamp) { kind = .tiers(near, far) }

  /// The number; that of the nearest store when there are several.
  public var number: UInt64 {
    switch kind {
    case .number(let number): number
    case .unknown: 0
    case .tiers(let near, _): near.number
    }
  }

  private init(kind: Kind) { self.kind = kind }

  /// Stands for the stamp of a store that could not be asked, beside that of one that could.
  static let unknown = InvalidationStamp(kind: .unknown)

  var isKnown: Bool { kind != .unknown }

  /// The stamps of the two stores; nil when there is one.
  public var tiers: (near: InvalidationStamp, far: InvalidationStamp)? {
    guard case .tiers(let near, let far) = kind else { return nil }
    return (near, far)
  }
}
