//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The values that the rules of HTTP caching leave to whoever runs the cache.
///
/// The defaults follow RFC 9111 for a shared cache to the letter. The names that begin with `ignores` depart from it
/// and are there for origins that cannot be taught.
public struct CachingRules: Sendable {
  /// Whether what a response says about its lifetime comes before ``lifetime``.
  ///
  /// When false, ``lifetime`` and the windows below come first. `no-store`, `private`, `no-cache` and `must-revalidate`
  /// hold all the same.
  public var respectsResponseDirectives = true

  /// Whether `Cache-Control` and `Pragma` of requests are heeded (RFC 9111 §5.2.1).
  ///
  /// When false, no client can make the cache ask the origin although a stored response may be used: `no-cache`, `max-age`
  /// and `min-fresh` are ignored. `max-stale`, `stale-if-error` and `only-if-cached` are followed all the same, and a
  /// response to a request with `no-store` is never stored.
  public var respectsRequestDirectives = true

  /// Stores responses that say `no-store`. Departs from RFC 9111 §5.2.2.5. (Those to a request that says so are not stored.)
  public var ignoresNoStore = false

  /// Stores responses that say `private`. Departs from RFC 9111 §5.2.2.7: what is meant for one user is given to all.
  public var ignoresPrivate = false

  /// Stores responses to requests with `Authorization` that do not say that they may be shared. Departs from RFC 9111
  /// §3.5 unless the key tells users apart.
  public var storesAuthorized = false

  /// What to do with responses that set cookies.
  public var setCookies: SetCookieRule = .whenExplicit

  /// Which cookies of a request may make its response one user's own, so that a lifetime that only ``lifetime`` gives does
  /// not apply.
  public var cookies: CookieRule = .allPersonal

  /// The lifetime that the policy gives to responses of a status; nil where it gives none. It counts from the moment of
  /// receipt.
  public var lifetime: @Sendable (_ status: Int) -> Duration? = { _ in nil }

  /// Which statuses are stored, given that they are final and not 206 (for that see ``storesPartialContent``).
  public var storesStatus: @Sendable (_ status: Int) -> Bool = { CachingRules.storesByDefault(status: $0) }

  /// The methods whose responses are stored. A response to another method than GET is used for that method only through
  /// a key that tells methods apart.
  public var storesMethod: @Sendable (_ method: RequestMethod) -> Bool = { $0 == .get }

  /// Whether a response to POST or QUERY that names its own target as `Content-Location` and has an explicit lifetime
  /// is stored as the answer to GET (RFC 9110 §9.3.3).
  public var storesPostForGet = true

  /// Whether partial content is stored (RFC 9111 §3.3).
  public var storesPartialContent = true

  /// For how long a stale response may be used while it is being refreshed, when the response does not say (RFC 5861
  /// §3).
  public var staleWhileRevalidate: Duration = .zero {
    didSet { staleWhileRevalidateNanoseconds = max(0, staleWhileRevalidate.clampedNanoseconds) }
  }

  /// For how long a stale response may be used when the origin fails, when the response does not say (RFC 5861 §4).
  public var staleIfError: Duration = .zero {
    didSet { staleIfErrorNanoseconds = max(0, staleIfError.clampedNanoseconds) }
  }

  /// Whether `stale-while-revalidate` and `stale-if-error` hold in a response that also has `s-maxage`.
  ///
  /// RFC 9111 §5.2.2.10 says that `s-maxage` implies `proxy-revalidate`, RFC 5861 that these directives allow a stale
  /// use. An origin that sends both means both; nearly all caches see it so. When false, `s-maxage` wins.
  public var staleExtensionsOverrideSharedMaxAge = true

  /// How long before its end a fresh response is refreshed in the background when it is asked for.
  public var refreshBeforeExpiration: Duration = .zero {
    didSet { refreshBeforeNanoseconds = refreshBeforeExpiration.clampedNanoseconds }
  }
  // The times once more, for hits and misses, which have no time to divide attoseconds; windows that are negative as zero.
  private(set) var refreshBeforeNanoseconds: Int64 = 0
  private(set) var staleWhileRevalidateNanoseconds: Int64 = 0
  private(set) var staleIfErrorNanoseconds: Int64 = 0
  private(set) var keepsForValidationNanoseconds: Int64 = 3_600_000_000_000
  private(set) var keepsForDisconnectionNanoseconds: Int64 = 0
  private(set) var maximumLifetimeNanoseconds = Int64.max

  /// Whether a response without a lifetime gets one from the time since it was modified (RFC 9111 §4.2.2).
  public var usesHeuristics = true

  /// Which fraction of that time; RFC 9111 §4.2.2 calls 10 % typical.
  public var heuristicFraction = 0.1

  /// The longest lifetime that the heuristic gives.
  public var heuristicMaximum: Duration = .seconds(86400)

  /// The longest lifetime of any response, whoever gave it; nil for no limit.
  public var maximumLifetime: Duration? {
    didSet { maximumLifetimeNanoseconds = maximumLifetime.map { max(0, $0.clampedNanoseconds) } ?? .max }
  }

  /// How long a response with a validator is kept beyond its last possible use, for the origin to confirm it.
  public var keepsForValidation: Duration = .seconds(3600) {
    didSet { keepsForValidationNanoseconds = max(0, keepsForValidation.clampedNanoseconds) }
  }

  /// How long a response that may be used stale when the origin is too slow (RFC 9111 §4.2.4) is kept for that,
  /// or for a client with `max-stale`, although it cannot be validated.
  public var keepsForDisconnection: Duration = .zero {
    didSet { keepsForDisconnectionNanoseconds = max(0, keepsForDisconnection.clampedNanoseconds) }
  }

  /// Whether the cache makes a validator for a 200 that has none.
  public var givesValidators = false

  /// The targeted fields that are for this cache, the most specific first (RFC 9213 §2.2).
  public var targetedFields: [HeaderName] = [.cdnCacheControl] {
    didSet {
      targetedPresence = targetedFields.reduce(0) { $0 | ($1.known?.bit ?? 0) }
      hasUnknownTargetedFields = targetedFields.contains { $0.known == nil }
    }
  }
  private var targetedPresence = KnownHeader.cdnCacheControl.bit
  private var hasUnknownTargetedFields = false

  /// Whether a response with these fields present (`HeaderFields.presence`) may have a targeted one.
  @inline(__always)
  func mayTarget(_ presence: UInt64) -> Bool { presence & targetedPresence != 0 || hasUnknownTargetedFields }

  /// The fields that are stored; nil for all that may be.
  ///
  /// What caching itself needs is stored in any case: `Cache-Control`, targeted fields, `Date`, `ETag`, `Expires`,
  /// `Last-Modified`, `Vary`, `Location`, `Cache-Groups`, `No-Vary-Search`, and everything called `Content-…`.
  public var storedFieldNames: Set<HeaderName>?

  /// The most selecting fields that a response may name in `Vary`; with more it is not stored.
  public var maximumVaryFields = 16

  /// Rules with the defaults described at each.
  public init() {}

  /// The statuses that are stored unless ``storesStatus`` says otherwise: all final ones (200 to 599) but those that
  /// are an answer to something in the request that is not part of the key, or that must not be stored.
  ///
  /// - 206 and 304 are no whole responses and take ways of their own;
  /// - 401, 407: to the credentials that were sent or missing;
  /// - 408, 412, 413, 415, 416, 417, 425, 426: to how the request came, to its conditions, content, range, expectation,
  ///   protocol;
  /// - 428, 429, 431, 511: must not be stored (RFC 6585).
  public static func storesByDefault(status: Int) -> Bool {
    switch status {
    case 206, 304, 401, 407, 408, 412, 413, 415, 416, 417, 425, 426, 428, 429, 431, 511: false
    default: (200...599).contains(status)
    }
  }

  /// The reason why a request with these fields is one user's own, so that a lifetime that only ``lifetime`` gives does not
  /// apply to its response; nil when it is not.
  func personalReason(_ fields: HeaderFields) -> StoreRefusal? {
    if !storesAuthorized, fields.contains(KnownHeader.authorization) { return .authorization }
    return cookies.findsPersonalCookie(in: fields) ? .cookie : nil
  }
}
