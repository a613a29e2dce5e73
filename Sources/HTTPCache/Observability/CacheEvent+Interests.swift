//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheEvent {
  /// Kinds of events, by which an observer says what it wants to be told (``CacheObserver/interests``).
  ///
  /// More kinds may come: an observer that wants everything says `all`.
  public struct Interests: OptionSet, Sendable {
    /// The kinds as bits.
    public let rawValue: UInt32

    /// Creates a set of its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Requests that were answered from the store, by a fresh response.
    public static let hits = Interests(rawValue: 1 << 0)
    /// Requests that were answered from the store, by a stale response.
    public static let stale = Interests(rawValue: 1 << 1)
    /// Requests for which the origin was asked: misses, collapsed requests, and those whose stored response was validated.
    public static let misses = Interests(rawValue: 1 << 2)
    /// Requests that the cache stood aside for.
    public static let bypasses = Interests(rawValue: 1 << 3)
    /// Requests that were answered with an error of the cache, or with none at all.
    public static let failures = Interests(rawValue: 1 << 4)
    /// Responses that were stored.
    public static let stores = Interests(rawValue: 1 << 5)
    /// Responses that were not stored.
    public static let refusals = Interests(rawValue: 1 << 6)
    /// Refreshes in the background that have begun or failed.
    public static let refreshes = Interests(rawValue: 1 << 7)
    /// Invalidations.
    public static let invalidations = Interests(rawValue: 1 << 8)
    /// Failures of the store.
    public static let backendFailures = Interests(rawValue: 1 << 9)
    /// All there is, and all there will be.
    public static let all = Interests(rawValue: .max)
  }
}

extension CacheEvent.Kind {
  /// The interest that an event of this kind is for.
  public var interest: CacheEvent.Interests {
    switch self {
    case .answered(.hit): .hits
    case .answered(.stale): .stale
    case .answered(.miss), .answered(.collapsed), .answered(.revalidated): .misses
    case .answered(.bypass): .bypasses
    case .answered(.failed): .failures
    case .stored: .stores
    case .refused: .refusals
    case .refreshStarted, .refreshFailed: .refreshes
    case .invalidated: .invalidations
    case .backendFailed: .backendFailures
    }
  }
}
