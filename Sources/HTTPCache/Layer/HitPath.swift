//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a hit needs to know of how the cache is set up, worked out once.
///
/// There is one when the store is in this process's memory. Then a hit is: some comparisons, one digest, one lock, two
/// references.
///
/// No object, but memory that the layer owns: a hit would count references to an object, at the price of two atomic
/// operations.
struct HitPath: ~Copyable, Sendable {
  let memory: InMemoryBackend
  // Of `memory`, which lives as long as this: a hit need not count references to it.
  let shards: ShardArray
  /// The owner of the heads that will do, where all requests have one policy.
  let owner: UInt32
  private let log: Unmanaged<InvalidationLog>
  /// The policy of requests that no route matches.
  let policy: ResolvedPolicy
  private let counters: CacheCounters
  /// Of `counters`.
  let counts: HitCounts
  /// Chooses the hits that count for hot keys.
  let sampler: HitSampler
  /// The limit of the keys that are recorded. Belongs to the ``RequestRecorder``, which the layer keeps alive.
  private let recordLimit: RecordLimit
  /// The digests of the usual schemes, with which those of keys begin.
  private let http = KeyDigest().appending("http")
  private let https = KeyDigest().appending("https")

  /// The hit path of a layer, which deallocates it with ``deallocate(_:)``; nil if there is none.
  static func allocate(
    backend: any CacheBackend, router: ResolvedRouter, counters: CacheCounters, recorder: RequestRecorder
  ) -> UnsafePointer<HitPath>? {
    guard let memory = backend as? InMemoryBackend else { return nil }
    let path = UnsafeMutablePointer<HitPath>.allocate(capacity: 1)
    path.initialize(to: HitPath(memory, router.fallback, counters, recorder))
    return UnsafePointer(path)
  }

  static func deallocate(_ path: UnsafePointer<HitPath>) {
    let path = UnsafeMutablePointer(mutating: path)
    path.pointee.sampler.destroy()
    path.deinitialize(count: 1)
    path.deallocate()
  }

  private init(
    _ memory: InMemoryBackend, _ policy: ResolvedPolicy, _ counters: CacheCounters, _ recorder: RequestRecorder
  ) {
    self.memory = memory
    log = .passUnretained(memory.log)
    shards = memory.shards
    self.policy = policy
    owner = policy.headOwner
    self.counters = counters
    counts = counters.hitCounts(shardCount: memory.shards.count)
    sampler = HitSampler(shardCount: memory.shards.count)
    recordLimit = recorder.limit
  }

  /// Whether requests for a key are recorded.
  @inline(__always)
  func records(_ digest: KeyDigest) -> Bool { recordLimit.includes(digest) }

  /// The number of the last invalidation.
  @inline(__always)
  var currentInvalidation: UInt64 { log._withUnsafeGuaranteedRef { $0.current } }

  /// The digest of the key of `request`, whose scheme is `scheme`.
  @inline(__always)
  func digest(of request: borrowing CacheRequest, _ scheme: CacheKey.Scheme) -> KeyDigest {
    (scheme == .https ? https : http).appending(request.authority, request.target)
  }

  /// The fields of a request that make it more than plain.
  static let specialFields = personalFields | demandingFields | CacheLayer.conditionalMask

  /// The fields by which a request may want another response than a fresh one.
  static let demandingFields = KnownHeader.cacheControl.bit | KnownHeader.pragma.bit

  /// The fields that may make the response one user's own, where only the policy gives its lifetime.
  static let personalFields = KnownHeader.cookie.bit | KnownHeader.authorization.bit
}
