//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Is told everything that a cache does: for logs, metrics and traces.
///
/// Called in the task that did it, on the request's path: return quickly, and hand over what takes time.
public protocol CacheObserver: Sendable {
  /// Something has happened.
  func record(_ event: CacheEvent)
}
