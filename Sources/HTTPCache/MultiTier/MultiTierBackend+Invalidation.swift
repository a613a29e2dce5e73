//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension MultiTierBackend {
  /// Makes entries void or stale in both tiers, and tells the other nodes. A tier that fails is told later; until then
  /// nothing that it has, and that this concerns, is used by this node. A soft invalidation that a tier is told more than a
  /// second late is a hard one there.
  ///
  /// - Returns: A receipt that is not complete when the far tier has yet to be told.
  /// - Throws: When the far tier does not have this kind of invalidation. The near tier has carried it out all the same.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    let nearReceipt = await invalidateNear(invalidation)
    defer {
      link?.publish(.invalidation(invalidation))
      startDraining()
    }
    let farReceipt = try await far.invalidate(invalidation)
    // What was looked up in the far tier before it knew may have been copied to the near one since.
    _ = await invalidateNear(invalidation)
    guard let farReceipt else {
      return InvalidationReceipt(entryCount: nearReceipt?.entryCount, isComplete: false)
    }
    return InvalidationReceipt(entryCount: farReceipt.entryCount.map { max($0, nearReceipt?.entryCount ?? 0) })
  }

  /// Carries out in the near tier what another node has carried out in the far one.
  public func apply(_ invalidation: CacheInvalidation) async {
    reporter.report(.invalidationReceived)
    _ = await invalidateNear(invalidation)
    startDraining()
  }

  func invalidateNear(_ invalidation: CacheInvalidation) async -> InvalidationReceipt? {
    let receipt: InvalidationReceipt?
    do {
      receipt = try await near.invalidate(invalidation)
    } catch {
      // It does not have this kind: everything that it has is doubtful now.
      suspect()
      receipt = nil
    }
    writes.withLock { $0.apply(invalidation, at: configuration.clock.now) }
    return receipt
  }

  /// Says that invalidations by other nodes may have been missed: every copy in the near tier is compared with the far one
  /// before it is used again. Nothing is thrown away.
  public func suspect() {
    lastDoubt.store(configuration.clock.now.nanoseconds, ordering: .releasing)
    doubts.wrappingAdd(1, ordering: .acquiringAndReleasing)
    reporter.report(.suspected)
  }
}
