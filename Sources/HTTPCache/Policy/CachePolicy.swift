//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a cache does where HTTP leaves it a choice.
///
/// ```swift
/// var policy = CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(30))
/// policy.staleIfError = .seconds(3600)
/// ```
///
/// With ``respectsCacheControl`` (the default) the response's own directives rule, and the times given here fill what they
/// leave open. Values are checked when the policy is given to a ``CacheLayer``.
public struct CachePolicy: Sendable {
  /// What the policy is called in events (``CacheEvent/policyName``), for whoever tells routes apart in logs and metrics. Nil
  /// for no name.
  public var name: String?

  // MARK: Lifetimes

  /// How long a successful response (200, 203, 204, 206, 300, 301, 308) is fresh when it does not say so itself.
  /// Nil: only as long as it says, or as its `Last-Modified` suggests (RFC 9111 §4.2.2).
  public var timeToLive: Duration?

  /// How long an answer that there is nothing (404, 405, 410, 414, 501) is fresh when it does not say so itself. Nil as
  /// for ``timeToLive``. Errors that may be for one client only (401, 403, 429 and so on) are never given a lifetime here.
  public var negativeTimeToLive: Duration?

  /// Lifetimes for single statuses, ahead of the two above.
  public var timeToLiveByStatus: [Int: Duration]

  /// How long past its lifetime a response may be used while it is being refreshed in the background, unless it says
  /// otherwise (RFC 5861 §3).
  public var staleWhileRevalidate: Duration

  /// How long past its lifetime a response may be used when the origin fails, unless it says otherwise (RFC 5861 §4).
  public var staleIfError: Duration

  /// How long ahead of the end of its lifetime a response that is asked for is refreshed in the background.
  public var refreshBeforeExpiration: Duration

  /// By how much lifetimes are shortened at random, from 0 (not at all) to below 1, so that what was stored together does not
  /// expire together.
  public var lifetimeJitter: Double

  /// How long past all its uses a response that can be validated is kept for that.
  public var keepsForValidation: Duration

  // MARK: What is cached

  /// Whether the response's own caching directives rule. If not, the times given here do, and `no-store` and `private`
  /// still hold unless ``overrides`` says otherwise.
  public var respectsCacheControl: Bool

  /// Whether a client's `Cache-Control` and `Pragma` are followed (RFC 9111 §5.2.1). If not, `no-cache`, `max-age` and
  /// `min-fresh` are ignored, so that no client can make the cache ask the origin while something fresh is stored.
  /// `only-if-cached`, `max-stale` and `no-store` concern nobody but the client, and are followed in any case.
  public var respectsRequestDirectives: Bool

  /// Directives of a response that are ignored, named one by one.
  public var overrides: Set<Override>

  /// Which requests the cache looks at at all, after ``methods``. Nil: all.
  public var shouldCache: (@Sendable (CacheRequest) -> Bool)?

  /// Which of the methods GET and HEAD are answered from the cache. Others always reach the origin.
  public var methods: MethodRule

  /// Which statuses may be stored.
  public var statuses: StatusRule

  /// What becomes of responses with `Set-Cookie`.
  public var setCookies: SetCookieRule

  /// Which cookies of a request may make its response one user's own: a lifetime that only this policy gives does not apply
  /// to requests with one, and they are not answered with a response that has no other. `Authorization` always counts so.
  public var cookies: CookieRule

  /// The only fields that are stored, beside those without which a stored response would be wrong (`Content-*`, `Date`,
  /// `ETag`, `Vary` and the like). Nil: all that may be.
  public var storedFieldNames: Set<HeaderName>?

  /// The smallest body that is stored, in bytes.
  public var minimumBodySize: Int

  /// The largest body that is stored, in bytes. A stream that outgrows it flows on to its readers and is not held.
  public var maximumBodySize: Int

  /// What a response is stored under.
  public var key: KeyExtractor

  /// Response fields that speak to this cache ahead of `Cache-Control`, the most specific first (RFC 9213).
  public var targetedFields: [HeaderName]

  // MARK: Invalidation

  /// Other names of this server, with their ports, by which a handler may call its own resources in `Location` and
  /// `Content-Location`: those of an origin behind a proxy that does not pass `Host` on. What an unsafe request names so is
  /// invalidated like what it names by the request's own authority (RFC 9111 §4.4).
  public var ownAuthorities: Set<String>

  /// Where the tags of responses come from, and which are permitted.
  public var tags: TagPolicy

  /// How clients may invalidate with `PURGE` and the like. Nil: they may not.
  public var purging: PurgePolicy?

  // MARK: The origin

  /// How long a client waits for the origin when a stale response is at hand that may be used. The origin's answer is
  /// stored when it comes. Nil: as long as the origin takes.
  public var softTimeout: Duration?

  /// How long the origin may take to begin its answer. Nil: as long as it likes.
  public var hardTimeout: Duration?

  /// How long after the beginning of a call other requests for the same resource wait for it, before they make calls
  /// themselves. A call that has taken longer takes nobody new: the next request begins another, for itself and those after it.
  public var waitLimit: Duration

  /// How long others wait for a call that is made with one client's request, before they share one that is made with a neutral
  /// request. That client may be what makes the origin slow, by a field of its request or by its address. (The neutral request
  /// has the fields only by which a representation is chosen.) The limit counts from when the origin is asked, and costs one
  /// more call where the origin takes longer for everybody; whichever answer comes first is for all. Nil (the default; 2 s in
  /// the proxy): others wait for ``waitLimit``.
  public var slowCallLimit: Duration?

  /// For how long one of several nodes that share a store has the right to ask the origin for a resource, while the others
  /// wait (for ``waitLimit`` at most) for what it stores. Needs a ``LeasingBackend``. Give about as long as the origin takes;
  /// a node that dies meanwhile holds the others up for so long. Nil: every node asks for itself.
  public var originLease: Duration?

  /// Whether a call to the origin that everybody has stopped waiting for is finished, so that its answer can be stored.
  public var finishesAbandonedFlights: Bool

  /// How long after a failed refresh the next is attempted at the earliest, while something stale may be served.
  public var retryInterval: Duration

  /// How many calls to the origin this policy's requests may make at a time; nil for no limit of their own. The limit of
  /// the whole cache (``CacheLayer/init(backend:policy:name:showsKeys:observers:autoRefresh:originLimit:requestID:clock:)``) counts
  /// as well.
  public var originLimit: OriginLimit?

  /// How many different resources may be brought into the cache in a time; nil (the default) for any number.
  public var admission: AdmissionPolicy?

  /// How eagerly fresh responses are refreshed at random before they expire: 0 (the default) for not at all, 1 for what
  /// is optimal by the paper, more for earlier. The origin's measured time decides how early; see <doc:Staleness>.
  public var earlyRefreshBeta: Double

  /// Whether a response that is stored without a validator gets a strong `ETag`, made of its body, so that clients and
  /// refreshes can be told that nothing has changed.
  public var generatesEntityTags: Bool

  /// How long a resource is remembered whose response turned out not to be cacheable, or to be for nobody without validation:
  /// its requests do not wait for each other.
  public var uncacheableTimeToLive: Duration

  /// How many bytes of a body that is not (any longer) going to be stored are held for readers that are behind.
  public var streamWindow: Int

  /// The log of this policy's requests that models can be trained on; nil (the default) for none.
  public var mlLogging: MLLogging?

  /// Directives of a response that a policy can ignore.
  public enum Override: Hashable, Sendable {
    /// `no-store` (RFC 9111 §5.2.2.5).
    case noStore
    /// `private` (RFC 9111 §5.2.2.7).
    case `private`
  }

  /// - Parameters: see the properties of the same names; the defaults are those of a cautious shared cache.
  public init(
    timeToLive: Duration? = .seconds(60),
    negativeTimeToLive: Duration? = .seconds(5),
    timeToLiveByStatus: [Int: Duration] = [:],
    staleWhileRevalidate: Duration = .zero,
    staleIfError: Duration = .zero,
    refreshBeforeExpiration: Duration = .zero,
    lifetimeJitter: Double = 0,
    respectsCacheControl: Bool = true,
    respectsRequestDirectives: Bool = true,
    overrides: Set<Override> = [],
    methods: MethodRule = .standard,
    statuses: StatusRule = .standard,
    setCookies: SetCookieRule = .whenExplicit,
    cookies: CookieRule = .allPersonal,
    storedFieldNames: Set<HeaderName>? = nil,
    minimumBodySize: Int = 0,
    maximumBodySize: Int = 8 << 20,
    key: KeyExtractor = .resource,
    softTimeout: Duration? = nil,
    hardTimeout: Duration? = nil,
    waitLimit: Duration = .seconds(10),
    shouldCache: (@Sendable (CacheRequest) -> Bool)? = nil
  ) {
    self.timeToLive = timeToLive
    self.negativeTimeToLive = negativeTimeToLive
    self.timeToLiveByStatus = timeToLiveByStatus
    self.staleWhileRevalidate = staleWhileRevalidate
    self.staleIfError = staleIfError
    self.refreshBeforeExpiration = refreshBeforeExpiration
    self.lifetimeJitter = lifetimeJitter
    self.keepsForValidation = .seconds(3600)
    self.respectsCacheControl = respectsCacheControl
    self.respectsRequestDirectives = respectsRequestDirectives
    self.overrides = overrides
    self.methods = methods
    self.statuses = statuses
    self.setCookies = setCookies
    self.cookies = cookies
    self.storedFieldNames = storedFieldNames
    self.minimumBodySize = minimumBodySize
    self.maximumBodySize = maximumBodySize
    self.key = key
    self.targetedFields = [.cdnCacheControl]
    self.ownAuthorities = []
    self.tags = TagPolicy()
    self.purging = nil
    self.softTimeout = softTimeout
    self.hardTimeout = hardTimeout
    self.waitLimit = waitLimit
    self.slowCallLimit = nil
    self.finishesAbandonedFlights = false
    self.retryInterval = .seconds(10)
    self.originLimit = nil
    self.admission = nil
    self.earlyRefreshBeta = 0
    self.generatesEntityTags = false
    self.uncacheableTimeToLive = .seconds(120)
    self.streamWindow = 1 << 20
    self.mlLogging = nil
    self.shouldCache = shouldCache
  }
}
