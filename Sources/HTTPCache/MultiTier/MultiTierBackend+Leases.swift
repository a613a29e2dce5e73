//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension MultiTierBackend: LeasingBackend where Far: LeasingBackend {
  /// Takes the lease in the far tier, which all nodes share.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    try await far.call(key, as: .lease) { try await $0.acquireLease(for: key, duration: duration) }
  }

  /// Gives a lease of the far tier back.
  public func releaseLease(_ lease: CacheLease) async {
    // One that cannot be given back expires.
    try? await far.call(lease.key, as: .lease) { await $0.releaseLease(lease) }
  }
}
