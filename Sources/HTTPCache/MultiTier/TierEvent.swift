//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Something that has happened between the tiers of a ``MultiTierBackend``.
public struct TierEvent: Sendable {
  /// What has happened.
  public enum Kind: Int, Hashable, Sendable, CaseIterable {
    /// An entry was found in the near tier.
    case nearHit
    /// An entry was found in the far tier.
    case farHit
    /// Neither had it.
    case miss
    /// An entry of the far tier was copied to the near one.
    case promoted
    /// An entry of the far tier is too large for the near one.
    case tooLargeForNear
    /// The near tier failed, or did not answer in time.
    case nearFailed
    /// The far tier failed, or did not answer in time.
    case farFailed
    /// The near tier has failed so often that it is left alone for a while.
    case nearSuspended
    /// The far tier has failed so often that it is left alone for a while.
    case farSuspended
    /// The near tier answers again.
    case nearRecovered
    /// The far tier answers again.
    case farRecovered
    /// An entry waits to be written to the far tier.
    case writeQueued
    /// An entry that had waited was written to the far tier.
    case writeFlushed
    /// An entry that had waited will not be written to the far tier: there was no room for it, it failed too often, or its
    /// time has come.
    case writeDropped
    /// An invalidation could not be carried out in one of the tiers, and waits for that.
    case invalidationQueued
    /// An invalidation that had waited was carried out.
    case invalidationReplayed
    /// More invalidations waited than can be kept: everything will be invalidated in their place.
    case invalidationsMerged
    /// An invalidation by another node was carried out in the near tier.
    case invalidationReceived
    /// Invalidations by other nodes may have been missed: what the near tier has is doubtful.
    case suspected
    /// The far tier has the same as the near one.
    case confirmed
    /// The far tier has something else than the near one, or nothing: the copy is gone.
    case contradicted
    /// A doubtful copy was used because the far tier could not be asked.
    case usedUnconfirmed
    /// A message to the other nodes could not be sent.
    case backplaneFailed
  }

  /// What has happened.
  public var kind: Kind
  /// To which entry, if to one.
  public var key: CacheKey?
  /// What went wrong, if something did.
  public var error: (any Error)?
}
