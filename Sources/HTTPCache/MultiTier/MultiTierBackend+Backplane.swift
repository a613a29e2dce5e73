//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension MultiTierBackend {
  /// Listens to the other nodes until ``shutdown()`` is called or the task is cancelled, then writes what waits
  /// (``shutdown(within:)``, ten seconds at most) and ends.
  ///
  /// Without a backplane there is nothing to listen to; `run()` is still the place from where the backend is shut down. A
  /// `Service` of swift-service-lifecycle is:
  ///
  /// ```swift
  /// await withGracefulShutdownHandler { await tiers.run() } onGracefulShutdown: { tiers.shutdown() }
  /// ```
  ///
  /// It may run in several tasks at once, and all of them return. After `shutdown()` it only writes what waits.
  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      if let link {
        group.addTask { await self.listen(link) }
        group.addTask { await link.beat() }
      }
      _ = await ending.value()
      // In a task of its own: this one may have been cancelled. Until all is written, the others are listened to.
      _ = await Task { await self.shutdown(within: .seconds(10)) }.value
      group.cancelAll()
    }
  }

  private func listen(_ link: BackplaneLink) async {
    var detector = GapDetector(own: link.publisher)
    for await event in link.backplane.events() {
      switch detector.receive(event) {
      case .ignored: break
      case .message(let content): await apply(content)
      case .gap(let content):
        suspect()
        if let content { await apply(content) }
      }
    }
  }

  private func apply(_ content: BackplaneMessage.Content) async {
    switch content {
    case .invalidation(let invalidation): await apply(invalidation)
    case .superseded(let key): await apply(CacheInvalidation(.key(key)))
    case .doubt: suspect()
    case .heartbeat: break
    }
  }
}
