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
/// A request takes one path: admission, key, lookup, verdict, response (`CacheLayer+Lookup.swift`,
/// `CacheLayer+Response.swift`); and when what is stored will not do: flight, origin, storability, store
/// (`CacheLayer+Fetch.swift`, `CacheLayer+Origin.swift`, `CacheLayer+Store.swift`).
///
/// A hit in memory is answered synchronously in the caller's task; it awaits nothing. What the actor isolates is rare: the
/// flights that are under way, and what is remembered of uncacheable resources.
public actor CacheLayer: Layer {
  /// What the layer is asked.
  public typealias Request = CacheRequest
  /// What the layer answers.
  public typealias Response = CacheResponse

  /// How this cache is called in `Cache-Status` (RFC 9211 §2).
  public nonisolated let name: String

  /// Whether `Cache-Status` names the key of a response that the store did not have.
  nonisolated let showsKeys: Bool
  nonisolated let backend: any CacheBackend
  nonisolated let clock: CacheClock
  nonisolated let router: ResolvedRouter
  nonisolated let observers: [any CacheObserver]
  nonisolated let counters = CacheCounters()
  nonisolated let searchRules = SearchRules()

  var flights: [CacheKey: Flight] = [:]
  var uncacheable = UncacheableKeys()

  /// A cache with one policy for all requests.
  ///
  /// - Parameters:
  ///   - backend: Where responses are kept.
  ///   - policy: What to do where HTTP leaves a choice.
  ///   - name: How the cache is called in `Cache-Status`.
  ///   - showsKeys: Whether `Cache-Status` names the key of a response that the store did not have (RFC 9211 §2.7). A key
  ///     may hold what is nobody else's business.
  ///   - observers: Who is told what the cache does.
  ///   - clock: Where the time comes from; tests give a manual one.
  /// - Throws: When the policy makes no sense.
  public init(
    backend: some CacheBackend,
    policy: CachePolicy = CachePolicy(),
    name: String = "swift-http-cache",
    showsKeys: Bool = false,
    observers: [any CacheObserver] = [],
    clock: CacheClock = .system
  ) throws(CacheConfigurationError) {
    try self.init(
      backend: backend, policies: PolicyRouter(default: policy), name: name, showsKeys: showsKeys,
      observers: observers, clock: clock)
  }

  /// A cache with different policies for different requests.
  ///
  /// - Parameters: as in ``init(backend:policy:name:observers:clock:)``.
  /// - Throws: When one of the policies makes no sense.
  public init(
    backend: some CacheBackend,
    policies: PolicyRouter,
    name: String = "swift-http-cache",
    showsKeys: Bool = false,
    observers: [any CacheObserver] = [],
    clock: CacheClock = .system
  ) throws(CacheConfigurationError) {
    self.backend = backend
    self.router = try ResolvedRouter(policies)
    self.name = name
    self.showsKeys = showsKeys
    self.observers = observers
    self.clock = clock
  }

  /// Answers `request`: from the store if that will do, else with the help of `next`.
  ///
  /// - Throws: What `next` throws, when nothing stored may be served instead.
  @inlinable
  public nonisolated func call(
    _ request: CacheRequest, next: some Service<CacheRequest, CacheResponse>
  ) async throws -> CacheResponse {
    // Two steps, so that a hit pays for no suspension, no type erasure and no task.
    if let response = storedResponse(to: request) { return response }
    return try await fetchedResponse(to: request, next: AnyService(next))
  }

  /// What the cache has done since it was made.
  public nonisolated var statistics: CacheStatistics { counters.snapshot }
}
