//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a hit needs to know of how the cache is set up, worked out once.
///
/// There is one when the store is in this process's memory, all requests share one policy, and nothing of the user's own
/// has a say in admission and key. Then a hit is: some comparisons, one digest, one lock, two references.
///
/// No object, but memory that the layer owns: a hit would count references to an object, at the price of two atomic
/// operations.
struct HitPath: ~Copyable, Sendable {
  let memory: InMemoryBackend
  // Of `memory`, which lives as long as this: a hit need not count references to it.
  let shards: ShardArray
  /// Whose heads will do.
  let owner = HeadValidity.newOwner()
  private let log: Unmanaged<InvalidationLog>
  let policy: ResolvedPolicy
  private let counters: CacheCounters
  /// Of `counters`.
  let counts: HitCounts
  /// How long before its end a fresh response is refreshed, in nanoseconds.
  let refreshBefore: Int64
  /// The digests of the usual schemes, with which those of keys begin.
  private let http = KeyDigest().appending("http")
  private let https = KeyDigest().appending("https")

  /// The hit path of a layer, which deallocates it with ``deallocate(_:)``; nil if there is none.
  static func allocate(
    backend: any CacheBackend, router: ResolvedRouter, observers: [any CacheObserver], counters: CacheCounters
  ) -> UnsafePointer<HitPath>? {
    guard let memory = backend as? InMemoryBackend, let policy = router.onlyPolicy, observers.isEmpty,
      case .standard = policy.policy.methods.kind, case .resource = policy.policy.key.kind,
      policy.policy.shouldCache == nil, policy.policy.earlyRefreshBeta == 0
    else { return nil }
    let path = UnsafeMutablePointer<HitPath>.allocate(capacity: 1)
    path.initialize(to: HitPath(memory, policy, counters))
    return UnsafePointer(path)
  }

  static func deallocate(_ path: UnsafePointer<HitPath>) {
    let path = UnsafeMutablePointer(mutating: path)
    path.deinitialize(count: 1)
    path.deallocate()
  }

  private init(_ memory: InMemoryBackend, _ policy: ResolvedPolicy, _ counters: CacheCounters) {
    self.memory = memory
    log = .passUnretained(memory.log)
    shards = memory.shards
    self.policy = policy
    self.counters = counters
    counts = counters.hitCounts(shardCount: memory.shards.count)
    refreshBefore = policy.rules.refreshBeforeNanoseconds
  }

  /// The number of the last invalidation.
  @inline(__always)
  var currentInvalidation: UInt64 { log._withUnsafeGuaranteedRef { $0.current } }

  /// The digest of the key of `request`, whose scheme is `scheme`.
  @inline(__always)
  func digest(of request: borrowing CacheRequest, _ scheme: CacheKey.Scheme) -> KeyDigest {
    (scheme == .https ? https : http).appending(request.authority, request.target)
  }

  /// The fields of a request that make it more than plain. ``personalFields`` alone are looked at in
  /// ``hit(_:_:at:orElse:mayBePersonal:)``.
  static let specialFields =
    personalFields | KnownHeader.cacheControl.bit | KnownHeader.pragma.bit | KnownHeader.ifNoneMatch.bit
    | KnownHeader.ifModifiedSince.bit | KnownHeader.range.bit

  /// The fields that may make the response one user's own, where only the policy gives its lifetime.
  static let personalFields = KnownHeader.cookie.bit | KnownHeader.authorization.bit
}
