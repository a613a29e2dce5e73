//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension MultiTierBackend {
  /// Listens to the other nodes until the task is cancelled, then writes what waits and ends (``shutdown(within:)``).
  ///
  /// Without a backplane there is nothing to listen to; it is still the place from where the backend is shut down.
  public func run() async {
    if let link {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.listen(link) }
        group.addTask { await link.beat() }
        await group.waitForAll()
      }
    } else {
      // Far in the future; ends when the task is cancelled.
      try? await configuration.clock.sleep(until: .distantFuture)
    }
    // In a task of its own: this one has been cancelled.
    _ = await Task { await self.shutdown() }.value
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
