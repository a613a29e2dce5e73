//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A connection from the pool turned out to be dead. Never leaves the client: it tries again, or says `.closed`.
struct StaleConnectionError: Error {
  /// Whether the server cannot have seen anything of the request.
  let hasSentNothing: Bool
  let underlying: UpstreamError
  /// Whether the connection had carried another request before.
  var isReused = false
}
