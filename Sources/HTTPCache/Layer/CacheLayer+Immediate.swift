//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The answer to `request` if it is in memory and may be used without asking anybody; nil when ``call(_:next:)`` has to
  /// find one.
  ///
  /// For servers with an event loop, which can so answer a hit on the thread that has read the request, before there is any
  /// task. It does all that `call` does for a hit; when it returns nil nothing has been counted or reported.
  @inlinable
  public nonisolated func immediateResponse(to request: CacheRequest) -> CacheResponse? {
    storedResponse(to: request)
  }
}
