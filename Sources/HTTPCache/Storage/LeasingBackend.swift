//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A backend that several processes share, and that lets one of them at a time ask the origin for a resource.
public protocol LeasingBackend: CacheBackend {
  /// Takes the lease for `key` unless somebody holds it.
  ///
  /// - Parameter duration: For how long it is held at most; a holder that dies holds nobody up for longer.
  /// - Returns: The lease; nil when somebody else holds it.
  /// - Throws: When the store cannot be reached. The cache then asks the origin without a lease.
  func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease?

  /// Gives a lease back, if it is still held. Nothing happens when it has expired, whoever holds it now.
  func releaseLease(_ lease: CacheLease) async
}
