//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// An HTTP response cache in front of a handler (RFC 9111, a shared cache).
///
/// ```swift
/// let cache = try CacheLayer(
///   backend: InMemoryBackend(capacity: 256 << 20),
///   policy: CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(30)))
///
/// let service = Handler { request in
///   CacheResponse(body: Body("Hello from \(request.path)"))
/// }.layer(cache)
/// ```
///
/// A request takes one path: admission, key, lookup, verdict, response (`CacheLayer+Hits.swift`,
/// `CacheLayer+Response.swift`); and when what is stored will not do, that of a `Fetcher`: flight, origin, storability, store.
///
/// A hit in memory is answered synchronously in the caller's task; it awaits nothing. A miss awaits its handler only: what
/// requests share is behind short locks. What the actor isolates are the rare operations that concern many of them at once,
/// so that they come one after the other: invalidations.
public final actor CacheLayer: Layer {
  /// What the layer is asked.
  public typealias Request = CacheRequest
  /// What the layer answers.
  public typealias Response = CacheResponse

  /// How this cache is called in `Cache-Status` (RFC 9211 §2).
  public nonisolated let name: String

  /// Whether `Cache-Status` names the key of a response that the store did not have.
  nonisolated let showsKeys: Bool
  nonisolated let backend: any CacheBackend
  /// The backend, if it is the one that stores without waiting.
  nonisolated let memory: InMemoryBackend?
  nonisolated let clock: CacheClock
  nonisolated let router: ResolvedRouter
  /// The way of hits in memory; nil when the store is elsewhere.
  ///
  /// `nonisolated(unsafe)`: written in `init`, freed in `deinit`, and in between nobody changes what it points to.
  nonisolated(unsafe) let hitPath: UnsafePointer<HitPath>?
  /// The same; nil when requests are not all looked at in the same way, or hits are to be noted.
  ///
  /// `nonisolated(unsafe)`: it points to what `hitPath` points to, which nobody changes between `init` and `deinit`.
  nonisolated(unsafe) let plainHitPath: UnsafePointer<HitPath>?
  nonisolated let observers: CacheObservers
  nonisolated let requestID: (@Sendable (CacheRequest) -> String?)?
  nonisolated let refresher: AutoRefresher?
  nonisolated let shield: OriginShield?
  /// The `Cache-Status` of the usual miss: nothing was there, the origin answered 200, that was stored.
  nonisolated let usualMissStatus: HeaderFields
  nonisolated let counters: CacheCounters
  nonisolated let hotKeyTable = HotKeyTable()
  nonisolated let recorder = RequestRecorder()
  nonisolated let missRatioMonitor: MissRatioMonitor?
  nonisolated let mlLogger: MLLogger?
  nonisolated let traces = Locked([TraceRecorder]())
  /// Whether the time that each hit takes is wanted: for a log.
  nonisolated let timesHits: Bool
  /// Whether any policy's requests get an identifier.
  nonisolated let identifiesRequests: Bool
  nonisolated let searchRules = SearchRules()
  nonisolated let knownVariants = KnownVariants()

  nonisolated let flights = FlightTable()
  nonisolated let rests = RefreshRests()
  nonisolated let uncoalesced = UncoalescedKeys()
  /// Comes when the cache is to shut down.
  nonisolated let ending = OneShot<Void>()

  /// A cache with one policy for all requests.
  ///
  /// - Parameters:
  ///   - backend: Where responses are kept.
  ///   - policy: What to do where HTTP leaves a choice.
  ///   - name: How the cache is called in `Cache-Status`.
  ///   - showsKeys: Whether `Cache-Status` names the key of a response that the store did not have (RFC 9211 §2.7). A key
  ///     may hold what is nobody else's business.
  ///   - observers: Who is told what the cache does.
  ///   - autoRefresh: Which entries are refreshed before they expire without being asked for; nil for none.
  ///   - originLimit: How many calls to the origin there may be at a time, across all keys and policies; nil for any number.
  ///   - requestID: The identifier of a request, for ``CacheEvent/requestID``: from a header field or a task-local value. Called
  ///     in the request's task, and only if there are observers.
  ///   - clock: Where the time comes from; nil (the default) for the backend's clock (``CacheBackend/entryClock``).
  /// - Throws: When the policy makes no sense, or the backend reads another clock.
  public init(
    backend: some CacheBackend,
    policy: CachePolicy = CachePolicy(),
    name: String = "swift-http-cache",
    showsKeys: Bool = false,
    observers: [any CacheObserver] = [],
    autoRefresh: AutoRefreshPolicy? = nil,
    originLimit: OriginLimit? = nil,
    requestID: (@Sendable (CacheRequest) -> String?)? = nil,
    clock: CacheClock? = nil
  ) throws(CacheConfigurationError) {
    try self.init(
      backend: backend, policies: PolicyRouter(default: policy), name: name, showsKeys: showsKeys,
      observers: observers, autoRefresh: autoRefresh, originLimit: originLimit, requestID: requestID, clock: clock)
  }

  /// A cache with different policies for different requests.
  ///
  /// - Parameters: as in ``init(backend:policy:name:showsKeys:observers:autoRefresh:originLimit:requestID:clock:)``.
  /// - Throws: When one of the policies makes no sense.
  public init(
    backend: some CacheBackend,
    policies: PolicyRouter,
    name: String = "swift-http-cache",
    showsKeys: Bool = false,
    observers: [any CacheObserver] = [],
    autoRefresh: AutoRefreshPolicy? = nil,
    originLimit: OriginLimit? = nil,
    requestID: (@Sendable (CacheRequest) -> String?)? = nil,
    clock: CacheClock? = nil
  ) throws(CacheConfigurationError) {
    let clock = try CacheClock.shared(by: [("the cache", clock), ("its backend", backend.entryClock)])
    self.backend = backend
    self.memory = backend as? InMemoryBackend
    try autoRefresh?.validate()
    try originLimit?.validate("originLimit")
    self.router = try ResolvedRouter(policies, clock: clock)
    self.counters = CacheCounters(policyNames: router.policyNames)
    self.name = name
    self.showsKeys = showsKeys
    var usualMissStatus = HeaderFields()
    RFC9211.append(
      to: &usualMissStatus, cacheName: name, outcome: .miss(.absent),
      details: CacheStatusDetails(fwdStatus: 200, stored: true))
    self.usualMissStatus = usualMissStatus
    self.observers = CacheObservers(observers)
    self.requestID = requestID
    self.clock = clock
    self.refresher = autoRefresh.map { AutoRefresher($0, clock: clock) }
    self.shield = originLimit.map { OriginShield($0, clock: clock) }
    let counters = counters
    self.missRatioMonitor = memory.map { MissRatioMonitor($0.configuration) { counters.statistics } }
    if let missRatioMonitor { recorder.add(missRatioMonitor) }
    self.mlLogger = MLLogger(router.policies, clock: clock)
    if let mlLogger { recorder.add(mlLogger) }
    self.hitPath = HitPath.allocate(
      backend: backend, router: router, counters: counters, recorder: recorder)
    self.timesHits = mlLogger != nil
    self.identifiesRequests = router.policies.contains(where: \.identifiesRequests)
    let isPlain = router.onlyPolicy.map { $0.isResourceKeyed && $0.admitsByMethod } ?? false
    self.plainHitPath =
      isPlain && !identifiesRequests && refresher == nil && !self.observers.interests.contains(.hits) ? hitPath : nil
    refresher?.use { [weak self] plan in await self?.refreshHot(plan) }
  }

  deinit {
    if let hitPath { HitPath.deallocate(hitPath) }
  }

  /// Answers `request`: from the store if that will do, else with the help of `next`.
  ///
  /// - Throws: What `next` throws, when nothing stored may be served instead.
  @inlinable
  @inline(__always)
  public nonisolated func call(
    _ request: CacheRequest, next: some Service<CacheRequest, CacheResponse>
  ) async throws -> CacheResponse {
    // Two steps, so that a hit pays for no suspension, no type erasure and no task. Where the caller knows the type of the
    // service, as it does behind `layer(_:)`, this is inlined into it: then a hit is a call of a function that is not async.
    var miss: Unmanaged<CacheMiss>?
    if let response = storedResponse(to: request, orElse: &miss) { return response }
    return try await fetch(request, miss?.takeRetainedValue(), from: Self.erased(next))
  }

  /// Beside `call`, whose frame would otherwise have room for a copy of `next`, allocated for hits as well.
  @inlinable
  @inline(never)
  static func erased(_ next: some Service<CacheRequest, CacheResponse>) -> AnyService { AnyService(next) }

  /// The counts of what the cache has done since it was made. The same counts, and more, by policy: ``metrics``.
  public nonisolated var statistics: CacheStatistics { counters.statistics }
}
