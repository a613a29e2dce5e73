//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Carries messages between the nodes that share a far tier, so that each can invalidate what it has copied from there.
///
/// Messages may be lost, but are to be delivered in the order in which one node has published them: each carries a number,
/// and whoever misses one doubts all its copies (``MultiTierBackend/suspect()``).
public protocol Backplane: Sendable {
  /// Sends a message to all nodes. This one may be among them; it recognises its own.
  ///
  /// - Throws: When it could not be sent. The others will notice that one is missing.
  func publish(_ message: BackplaneMessage) async throws

  /// What happens from now on, until whoever iterates stops.
  func events() -> AsyncStream<BackplaneEvent>
}
