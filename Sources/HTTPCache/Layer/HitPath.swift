//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a hit needs to know of how the cache is set up, worked out once.
///
/// There is one when the store is in this process's memory, all requests share one policy, and nothing of the user's own
/// has a say in admission and key. Then a hit is: some comparisons, one digest, one lock, three references.
final class HitPath: Sendable {
  let memory: InMemoryBackend
  // Of `memory`, which lives as long as this: a hit need not count references to it.
  let shards: ShardArray
  let log: InvalidationLog
  let policy: ResolvedPolicy
  /// How long before its end a fresh response is refreshed, in nanoseconds.
  let refreshBefore: Int64
  /// The digests of the usual schemes, with which those of keys begin.
  let http = KeyDigest().appending("http")
  let https = KeyDigest().appending("https")

  init?(backend: any CacheBackend, router: ResolvedRouter, observers: [any CacheObserver]) {
    guard let memory = backend as? InMemoryBackend, let policy = router.onlyPolicy, observers.isEmpty,
      case .standard = policy.policy.methods.kind, case .resource = policy.policy.key.kind,
      policy.policy.shouldCache == nil
    else { return nil }
    self.memory = memory
    shards = memory.shards
    log = memory.log
    self.policy = policy
    refreshBefore = policy.rules.refreshBeforeNanoseconds
  }

  /// The fields of a request that make it more than plain.
  static let specialFields =
    KnownHeader.cacheControl.bit | KnownHeader.pragma.bit | KnownHeader.ifNoneMatch.bit
    | KnownHeader.ifModifiedSince.bit | KnownHeader.range.bit
}
