//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The client of one request, and the origin connections that are held for that request.
///
/// A task-local value, because the cache lies between the server, which knows the client, and the upstream client, which
/// shares its connections among clients. Tasks made on the way (flights, refreshes) inherit it: what they do is done for
/// the client whose request began them.
final class RequestClient: Sendable {
  /// The client of the request that the current task works for; nil when it works for none.
  @TaskLocal static var current: RequestClient?

  /// The client's address.
  let address: ClientAddress
  /// Whether the client takes trailers (RFC 9110 §10.1.4). The field that says so concerns the client's connection alone,
  /// so a cache on the way removes it.
  let acceptsTrailers: Bool
  private let leaseCount = Guarded(0)
  private let left = Guarded(false)

  init(_ address: ClientAddress, acceptsTrailers: Bool = false) {
    self.address = address
    self.acceptsTrailers = acceptsTrailers
  }

  /// Whether the client has ended its connection, or stopped sending: half of an end, behind which it may still read.
  var hasLeft: Bool { left.withLock { $0 } }

  func leave() { left.withLock { $0 = true } }

  /// Whether an origin connection is held for the request at the moment.
  var holdsOriginConnection: Bool { leaseCount.withLock { $0 > 0 } }

  func didLease() { leaseCount.withLock { $0 += 1 } }
  func didRelease() { leaseCount.withLock { $0 -= 1 } }
}
