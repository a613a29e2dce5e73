//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Is told everything that a cache does: for logs, metrics and traces.
///
/// Called in the task that did it, on the request's path: return quickly, and hand over what takes time.
public protocol CacheObserver: Sendable {
  /// The events that the observer wants to be told of. Asked once, when the cache is made. The default is everything.
  ///
  /// Hits are answered without any of an observer's cost where nobody wants to be told of them.
  var interests: CacheEvent.Interests { get }

  /// Something has happened.
  func record(_ event: CacheEvent)
}

extension CacheObserver {
  /// Everything.
  public var interests: CacheEvent.Interests { .all }
}
