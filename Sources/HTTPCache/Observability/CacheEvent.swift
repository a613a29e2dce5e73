//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Something that a cache has done.
public struct CacheEvent: Sendable {
  /// What has happened.
  public enum Kind: Hashable, Sendable {
    /// A request was answered.
    case answered(CacheOutcome)
    /// A response was stored.
    case stored
    /// A response was not stored.
    case refused(StoreRefusal)
    /// A refresh in the background has begun.
    case refreshStarted
    /// A refresh in the background has failed; the next is attempted after the policy's retry interval.
    case refreshFailed
    /// Something was invalidated.
    case invalidated
    /// The backend failed; the cache went on without it.
    case backendFailed
  }

  /// What became of a response.
  public enum Storing: Hashable, Sendable {
    /// It was stored, or will be when it is complete.
    case stored
    /// It was not.
    case refused(StoreRefusal)
    /// There was nothing to store.
    case none

    /// Why it was not stored; nil when it was, or there was nothing to store.
    var refusal: StoreRefusal? {
      if case .refused(let refusal) = self { refusal } else { nil }
    }
  }

  /// What has happened.
  public var kind: Kind
  /// What the response is stored under; nil for a request without a key.
  public var key: CacheKey?
  /// The request's method.
  public var method: RequestMethod?
  /// The path and query of the request; nil where there is no request. That of the key may be another.
  public var target: String?
  /// The request's identifier, if the cache was told where to find it (`requestID`).
  public var requestID: String?
  /// The name of the policy that applied, if it has one (``CachePolicy/name``).
  public var policyName: String?
  /// The tags of the response that was stored or used, or those that were invalidated.
  public var tags: [String]
  /// The status of the response.
  public var status: Int?
  /// The length of the body in bytes, when it is known.
  public var bodySize: Int?
  /// The response's age in seconds, when it came from the cache.
  public var age: Int64?
  /// From the request's arrival until now.
  public var duration: Duration
  /// How long the origin took to begin its answer, when it was asked.
  public var originDuration: Duration?
  /// The fate of the origin's response.
  public var storing: Storing
  /// What went wrong, if something did.
  public var error: (any Error)?

  /// Creates an event, for tests of observers and for caches of one's own.
  ///
  /// - Parameters: see the properties of the same names.
  public init(
    _ kind: Kind, key: CacheKey? = nil, method: RequestMethod? = nil, target: String? = nil,
    requestID: String? = nil, policyName: String? = nil, tags: [String] = [], status: Int? = nil,
    bodySize: Int? = nil, age: Int64? = nil, duration: Duration = .zero, originDuration: Duration? = nil,
    storing: Storing = .none, error: (any Error)? = nil
  ) {
    self.kind = kind
    self.key = key
    self.method = method
    self.target = target
    self.requestID = requestID
    self.policyName = policyName
    self.tags = tags
    self.status = status
    self.bodySize = bodySize
    self.age = age
    self.duration = duration
    self.originDuration = originDuration
    self.storing = storing
    self.error = error
  }
}
